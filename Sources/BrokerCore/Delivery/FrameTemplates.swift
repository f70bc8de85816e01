// HOT PATH: a publish is encoded at most once per (version, QoS, retain); receivers copy it and patch the packet id.
import Glibc
import MQTTCodec

/// A ready-made PUBLISH packet. Borrowed; valid until the next message.
struct FrameTemplate {
    var base: UnsafeRawPointer
    var count: Int
    /// Offset of the packet identifier; 0 at QoS 0.
    var packetIDOffset: Int
}

/// The encodings of the message being delivered, made on first use.
struct FrameTemplates {
    private struct Place {
        /// Offset in `scratch`; -1 = not encoded yet; -2 = the inbound frame serves.
        var offset = -1
        var count = 0
        var packetIDOffset = 0
    }
    private let places: UnsafeMutablePointer<Place>
    private var scratch: UnsafeMutablePointer<UInt8>?
    private var capacity = 0
    private var used = 0

    init() {
        places = .allocate(capacity: 12)
        places.initialize(repeating: Place(), count: 12)
    }

    /// Forgets the encodings of the previous message.
    @inline(__always)
    mutating func reset() {
        guard used > 0 else { return }
        clear()
    }

    @inline(never)
    private mutating func clear() {
        for index in 0..<12 { places[index].offset = -1 }
        used = 0
        if capacity > 1 << 20 {
            free(scratch)
            scratch = nil
            capacity = 0
        }
    }

    /// Frees the memory.
    mutating func release() {
        free(scratch)
        places.deallocate()
    }

    /// The packet that carries `message` at `qos` with `retain` to a client of `version`, without subscription
    /// identifiers or alias.
    @inline(__always)
    mutating func template(
        _ message: PublishedRef, version: ProtocolVersion, qos: UInt8, retain: Bool, now: Int64
    ) -> FrameTemplate {
        if let frame = message.pointee.frame, version == message.pointee.frameVersion, qos == message.pointee.qos {
            return FrameTemplate(
                base: frame.baseAddress.unsafelyUnwrapped, count: frame.count,
                packetIDOffset: message.pointee.framePacketID)
        }
        return encoded(message, version: version, qos: qos, retain: retain, now: now)
    }

    @inline(never)
    private mutating func encoded(
        _ message: PublishedRef, version: ProtocolVersion, qos: UInt8, retain: Bool, now: Int64
    ) -> FrameTemplate {
        let place = places + (version == .v5_0 ? 6 : 0) + Int(qos) * 2 + (retain ? 1 : 0)
        if place.pointee.offset < 0 {
            let frame = OutgoingPublish(message.pointee, version: version, qos: qos, retain: retain, now: now)
            let offset = (used + 15) & ~15
            reserve(offset + frame.size)
            place.pointee.packetIDOffset = frame.write(to: scratch.unsafelyUnwrapped + offset)
            place.pointee.offset = offset
            place.pointee.count = frame.size
            used = offset + frame.size
        }
        return FrameTemplate(
            base: UnsafeRawPointer(scratch.unsafelyUnwrapped + place.pointee.offset), count: place.pointee.count,
            packetIDOffset: place.pointee.packetIDOffset)
    }

    private mutating func reserve(_ size: Int) {
        guard size > capacity else { return }
        var larger = max(capacity * 2, 4096)
        while larger < size { larger *= 2 }
        guard let memory = realloc(scratch, larger) else { fatalError("out of memory: \(larger) bytes of encoding") }
        scratch = memory.bindMemory(to: UInt8.self, capacity: larger)
        capacity = larger
    }
}
