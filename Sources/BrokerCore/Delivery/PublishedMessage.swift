// HOT PATH: a trivial struct of borrowed views. It lies at one place while it is handled and is passed by pointer: no
// copy, no reference count.
import MQTTCodec
import PluginABI

/// Where a message came from: the numbers are those of the plugin interface (`HL_ORIGIN_*`).
enum MessageOrigin: UInt8 {
    case client = 0
    case bridge, plugin, will, retained

    var abiValue: UInt32 { UInt32(rawValue) }
}

/// The message that is being handled. Good while the function it was passed to runs.
typealias PublishedRef = UnsafeMutablePointer<PublishedMessage>

/// One application message on its way through the broker: borrowed views of the bytes it arrived in.
/// Valid only during the call it is passed to; `MessageRef.make` copies it when it must live longer.
///
/// It begins with the struct that plugins see, so that lending it to them costs nothing.
struct PublishedMessage {
    /// As plugins see it. Complete only after ``Shard/introduce(_:_:)`` or ``Shard/withPluginMessage(_:_:_:_:)``.
    var view: hl_msg
    /// Session of the publisher; 0 = broker or plugin.
    var publisher: UInt64 = 0
    /// The whole PUBLISH packet as it came in, when it can be sent on as it is (same version, no alias); else nil.
    var frame: UnsafeRawBufferPointer?
    var frameVersion: ProtocolVersion = .v3_1_1
    /// Offset of the packet identifier in `frame`; 0 at QoS 0.
    var framePacketID: Int = 0
    /// The block that already holds this message, if any; not owned.
    var block: MessageRef?

    @inline(__always)
    init(
        topic: UnsafeRawBufferPointer, properties: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer, qos: UInt8,
        retain: Bool, origin: MessageOrigin
    ) {
        view = hl_msg()
        view.struct_size = UInt32(MemoryLayout<hl_msg>.size)
        view.flags = retain ? HL_MSG_RETAIN : 0
        view.topic = hl_view(topic)
        view.payload = hl_view(payload)
        view.properties = hl_view(properties)
        view.expires = Int64(HL_NEVER)
        view.qos = UInt32(qos)
        view.origin = origin.abiValue
    }

    /// The message in `block`; borrowed while the caller holds a reference.
    init(_ block: MessageRef, origin: MessageOrigin) {
        self.init(
            topic: block.topic, properties: block.properties, payload: block.payload, qos: block.pointee.qos,
            retain: block.pointee.retain, origin: origin)
        expiresAt = block.pointee.expiresAt
        publisher = block.pointee.publisher
        id = block.pointee.id
        self.block = block
    }

    /// Whether its Message Expiry Interval has passed [MQTT-3.3.2-5].
    func hasExpired(at now: Int64) -> Bool { expiresAt != 0 && expiresAt <= now }
}

extension PublishedMessage {
    var topic: UnsafeRawBufferPointer {
        @inline(__always) get { view.topic.bytes }
        @inline(__always) set { view.topic = hl_view(newValue) }
    }
    /// MQTT 5 properties that are forwarded unchanged [MQTT-3.3.2-4, -15, -16, -17, -20]; empty for 3.1.1.
    var properties: UnsafeRawBufferPointer {
        @inline(__always) get { view.properties.bytes }
        @inline(__always) set { view.properties = hl_view(newValue) }
    }
    var payload: UnsafeRawBufferPointer {
        @inline(__always) get { view.payload.bytes }
        @inline(__always) set { view.payload = hl_view(newValue) }
    }
    var qos: UInt8 {
        @inline(__always) get { UInt8(truncatingIfNeeded: view.qos) }
    }
    var retain: Bool {
        @inline(__always) get { view.flags & HL_MSG_RETAIN != 0 }
    }
    var origin: MessageOrigin { MessageOrigin(rawValue: UInt8(truncatingIfNeeded: view.origin)) ?? .client }
    /// Message expiry as host clock ns; 0 = never.
    var expiresAt: Int64 {
        @inline(__always) get { view.expires == HL_NEVER ? 0 : view.expires }
        @inline(__always) set { view.expires = newValue == 0 ? Int64(HL_NEVER) : newValue }
    }
    /// Packet identifier it came with; 0 at QoS 0, and when no client sent it.
    var packetID: UInt16 { UInt16(truncatingIfNeeded: view.packet_id) }
    /// Unique in this run of the broker; 0 = none given yet.
    var id: UInt64 {
        @inline(__always) get { view.id }
        @inline(__always) set { view.id = newValue }
    }
}

extension UnsafeMutablePointer where Pointee == PublishedMessage {
    /// What plugins are lent: the beginning of the message.
    @inline(__always)
    var view: UnsafePointer<hl_msg> { UnsafeRawPointer(self).assumingMemoryBound(to: hl_msg.self) }
}
