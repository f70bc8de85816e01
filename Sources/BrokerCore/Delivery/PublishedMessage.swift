// HOT PATH: a trivial struct of borrowed views; copying it touches no reference count.
import MQTTCodec

/// Where a message came from.
enum MessageOrigin: UInt8 {
    case client, will, plugin, retained, bridge
}

/// One application message on its way through the broker: borrowed views of the bytes it arrived in.
/// Valid only during the call it is passed to; `MessageRef.make` copies it when it must live longer.
struct PublishedMessage {
    var topic: UnsafeRawBufferPointer
    /// MQTT 5 properties that are forwarded unchanged [MQTT-3.3.2-4, -15, -16, -17, -20]; empty for 3.1.1.
    var properties: UnsafeRawBufferPointer
    var payload: UnsafeRawBufferPointer
    var qos: UInt8
    var retain: Bool
    var origin: MessageOrigin
    /// Message expiry as host clock ns; 0 = never.
    var expiresAt: Int64 = 0
    /// Unique in this run of the broker; 0 = none given yet.
    var id: UInt64 = 0
    /// Session of the publisher; 0 = broker or plugin.
    var publisher: UInt64 = 0
    /// The whole PUBLISH packet as it came in, when it can be sent on as it is (same version, no alias); else nil.
    var frame: UnsafeRawBufferPointer?
    var frameVersion: ProtocolVersion = .v3_1_1
    /// Offset of the packet identifier in `frame`; 0 at QoS 0.
    var framePacketID: Int = 0
    /// The block that already holds this message, if any; not owned.
    var block: MessageRef?

    init(
        topic: UnsafeRawBufferPointer, properties: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer, qos: UInt8,
        retain: Bool, origin: MessageOrigin
    ) {
        self.topic = topic
        self.properties = properties
        self.payload = payload
        self.qos = qos
        self.retain = retain
        self.origin = origin
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
