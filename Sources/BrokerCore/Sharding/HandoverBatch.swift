import Glibc
import MQTTCodec

/// Rare things one shard tells another.
enum ShardControl: Sendable {
    /// A part of a gate of the receiving shard has come.
    case gateDone(gate: UInt64, succeeded: Bool)
    /// A gate of the sending shard waits until the receiving one has committed everything.
    case barrier(gate: UInt64)
    /// A session joins a shared group whose home is the receiving shard.
    /// `gate` of the session's shard opens when it is known there; 0 = nobody waits.
    case groupJoin(
        name: [UInt8], filter: [UInt8], session: UInt64, flags: UInt8, identifier: UInt32, isReady: Bool, gate: UInt64)
    case groupLeave(name: [UInt8], filter: [UInt8], session: UInt64)
    case groupReady(session: UInt64, isReady: Bool)
    /// The queue of a session is full: the publisher, a session of the receiving shard, is not to be read.
    case queueFull(publisher: UInt64)
    case queueHasRoom(publisher: UInt64)
    /// The row of this hand-over had been lost and is written now: what takes it back has to be written after it.
    case handoverRewritten(UInt64)
}

/// What precedes each message in a batch.
struct HandoverRecord {
    /// Bytes from this record to the next, a multiple of 16.
    var stride: Int32
    var topicOffset: Int32
    var topicLength: Int32
    var propertiesOffset: Int32
    var propertiesLength: Int32
    var payloadOffset: Int32
    var payloadLength: Int32
    /// Length of the packet when the body is one that can be sent on; 0 = only the parts are there.
    var frameLength: Int32
    var framePacketID: Int32
    var qos: UInt8
    var retain: Bool
    var origin: MessageOrigin
    var version: UInt8
    var expiresAt: Int64
    var publisher: UInt64
    var id: UInt64
    /// Position in the batch's `routes` plus 1; 0 = none.
    var route: UInt32
    /// Position in the batch's `tallies` plus 1; 0 = nobody counts.
    var tally: UInt32
    /// Gate of the sending shard that waits for this message to be durable here; 0 = none.
    var gate: UInt64
    /// Row of the store that says the message is on its way here; 0 = none.
    var handover: UInt64
    /// Not 0: deliver to this session alone, as a member of `group`.
    var session: UInt64
    var group: UInt64
    var identifier: UInt32
    var grantedQoS: UInt8
    var keepsRetain: Bool
}

/// Messages and controls of one turn for one other shard: copied once, handed over by pointer, freed by the receiver.
/// Touched by one thread at a time, the ring orders the hand-over.
final class HandoverBatch {
    private(set) var base: UnsafeMutableRawPointer?
    private(set) var count = 0
    private var capacity = 0
    var controls: [ShardControl] = []
    /// What msg.route said about messages of the batch.
    var routes: [RouteEdits] = []
    /// Who is told what becomes of messages of the batch.
    var tallies: [DeliveryTally] = []
    let source: Int

    init(source: Int) { self.source = source }

    deinit { free(base) }

    var isEmpty: Bool { count == 0 && controls.isEmpty }

    /// Appends `message`; the receiver sees the same parts, and the packet when there is one.
    func append(
        _ message: PublishedMessage, gate: UInt64, handover: UInt64 = 0, session: UInt64 = 0,
        delivery: Delivery? = nil, route: RouteEdits? = nil, tally: DeliveryTally? = nil
    ) {
        let header = MemoryLayout<HandoverRecord>.stride
        var record = HandoverRecord(
            stride: 0, topicOffset: 0, topicLength: Int32(message.topic.count), propertiesOffset: 0,
            propertiesLength: Int32(message.properties.count), payloadOffset: 0,
            payloadLength: Int32(message.payload.count), frameLength: 0, framePacketID: 0, qos: message.qos,
            retain: message.retain, origin: message.origin, version: message.frameVersion.rawValue,
            expiresAt: message.expiresAt, publisher: message.publisher, id: message.id, route: 0, tally: 0, gate: gate,
            handover: handover, session: session, group: delivery?.group ?? 0,
            identifier: delivery?.identifiers.first ?? 0,
            grantedQoS: delivery?.qos ?? 0, keepsRetain: delivery?.retain ?? false)
        if let route {
            routes.append(route)
            record.route = UInt32(routes.count)
        }
        if let tally {
            tally.begin()
            tallies.append(tally)
            record.tally = UInt32(tallies.count)
        }
        if let frame = message.frame, Self.contains(frame, message.properties) {
            record.frameLength = Int32(frame.count)
            record.framePacketID = Int32(message.framePacketID)
            record.topicOffset = Int32(message.topic.baseAddress! - frame.baseAddress!)
            record.propertiesOffset =
                message.properties.count == 0 ? 0 : Int32(message.properties.baseAddress! - frame.baseAddress!)
            record.payloadOffset =
                message.payload.count == 0 ? 0 : Int32(message.payload.baseAddress! - frame.baseAddress!)
            let place = reserve(header + frame.count, &record)
            memcpy(place, frame.baseAddress!, frame.count)
        } else {
            record.propertiesOffset = record.topicLength
            record.payloadOffset = record.topicLength + record.propertiesLength
            var place = reserve(
                header + message.topic.count + message.properties.count + message.payload.count, &record)
            for part in [message.topic, message.properties, message.payload] where part.count > 0 {
                memcpy(place, part.baseAddress!, part.count)
                place += part.count
            }
        }
    }

    /// Calls `body` with every message, in the order of `append`; borrowed during the call.
    func forEach(_ body: (HandoverRecord, PublishedMessage) -> Void) {
        guard let base else { return }
        var offset = 0
        while offset < count {
            let record = (base + offset).assumingMemoryBound(to: HandoverRecord.self).pointee
            body(record, Self.message(record, UnsafeRawPointer(base + offset + MemoryLayout<HandoverRecord>.stride)))
            offset += Int(record.stride)
        }
    }

    private static func message(_ record: HandoverRecord, _ body: UnsafeRawPointer) -> PublishedMessage {
        func part(_ offset: Int32, _ length: Int32) -> UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(start: body + Int(offset), count: Int(length))
        }
        var message = PublishedMessage(
            topic: part(record.topicOffset, record.topicLength),
            properties: part(record.propertiesOffset, record.propertiesLength),
            payload: part(record.payloadOffset, record.payloadLength), qos: record.qos, retain: record.retain,
            origin: record.origin)
        message.expiresAt = record.expiresAt
        message.publisher = record.publisher
        message.id = record.id
        if record.frameLength > 0 {
            message.frame = part(0, record.frameLength)
            message.frameVersion = record.version == 5 ? .v5_0 : .v3_1_1
            message.framePacketID = Int(record.framePacketID)
        }
        return message
    }

    private static func contains(_ frame: UnsafeRawBufferPointer, _ part: UnsafeRawBufferPointer) -> Bool {
        guard part.count > 0, let start = part.baseAddress, let base = frame.baseAddress else { return true }
        return start >= base && start + part.count <= base + frame.count
    }

    /// Room for a record and its body; writes the record.
    private func reserve(_ size: Int, _ record: inout HandoverRecord) -> UnsafeMutableRawPointer {
        let stride = (size + 15) & ~15
        record.stride = Int32(truncatingIfNeeded: stride)
        if count + stride > capacity {
            var larger = max(capacity * 2, 16 << 10)
            while larger < count + stride { larger *= 2 }
            guard let memory = realloc(base, larger) else { fatalError("out of memory: \(larger) bytes of hand-over") }
            base = memory
            capacity = larger
        }
        let place = base.unsafelyUnwrapped + count
        place.bindMemory(to: HandoverRecord.self, capacity: 1).initialize(to: record)
        count += stride
        return place + MemoryLayout<HandoverRecord>.stride
    }
}
