import Glibc
import MQTTCodec

/// A PUBLISH packet to be written: everything but the packet identifier, which differs per receiver.
struct OutgoingPublish {
    private let message: PublishedMessage
    private let version: ProtocolVersion
    private let qos: UInt8
    private let retain: Bool
    private let dup: Bool
    private let topic: UnsafeRawBufferPointer
    private let properties: PublishEncoder.PropertySet
    /// Bytes of the whole packet.
    let size: Int

    /// - Parameters:
    ///   - alias: topic alias to send, 0 = none; with `omitsTopic` the alias stands for the topic [MQTT-3.3.2-12].
    ///   - identifiers: subscription identifiers, 5.0 only [MQTT-3.3.4-3].
    init(
        _ message: PublishedMessage, version: ProtocolVersion, qos: UInt8, retain: Bool, now: Int64, dup: Bool = false,
        alias: UInt16 = 0, omitsTopic: Bool = false,
        identifiers: UnsafeBufferPointer<UInt32> = UnsafeBufferPointer(start: nil, count: 0)
    ) {
        self.message = message
        self.version = version
        self.qos = qos
        self.retain = retain
        self.dup = dup
        topic = omitsTopic ? UnsafeRawBufferPointer(start: nil, count: 0) : message.topic
        if version == .v5_0 {
            properties = PublishEncoder.PropertySet(
                messageExpiryInterval: Self.remaining(message.expiresAt, now), topicAlias: alias == 0 ? nil : alias,
                subscriptionIdentifiers: identifiers, forwardable: message.properties)
        } else {
            properties = PublishEncoder.PropertySet()
        }
        size = PublishEncoder.size(
            version: version, topicLength: topic.count, qos: qos, propertyBytes: properties.size,
            payloadLength: message.payload.count)
    }

    /// Writes `size` bytes with packet identifier 0; returns the offset of the packet identifier, 0 at QoS 0.
    func write(to place: UnsafeMutablePointer<UInt8>) -> Int {
        let written = PublishEncoder.writeHeader(
            to: place, version: version, qos: qos, dup: dup, retain: retain, topic: topic, properties: properties,
            payloadLength: message.payload.count)
        if message.payload.count > 0 {
            memcpy(place + written.length, message.payload.baseAddress.unsafelyUnwrapped, message.payload.count)
        }
        return written.packetIDOffset
    }

    /// Seconds left of a message's life, at least 1 while it is alive [MQTT-3.3.2-6].
    static func remaining(_ expiresAt: Int64, _ now: Int64) -> UInt32? {
        guard expiresAt != 0 else { return nil }
        let seconds = max(1, (expiresAt &- now &+ 999_999_999) / 1_000_000_000)
        return UInt32(clamping: seconds)
    }
}
