/// A message as the retained store keeps it: immutable, shared by all shards.
final class RetainedMessage: Sendable {
    let topic: [UInt8]
    let payload: [UInt8]
    let qos: UInt8
    /// The forwardable part of the MQTT 5 properties, encoded, without the length in front.
    let properties: [UInt8]
    /// Nanoseconds of the broker's clock; 0 for never [MQTT-3.3.2-5].
    let expiresAt: Int64
    /// Nanoseconds of the broker's clock.
    let publishedAt: Int64
    /// Client Identifier of the publisher, empty for the broker itself: No Local outlives sessions [MQTT-3.8.3-3].
    let publisher: [UInt8]

    init(
        topic: [UInt8], payload: [UInt8], qos: UInt8, properties: [UInt8] = [], expiresAt: Int64 = 0,
        publishedAt: Int64, publisher: [UInt8]
    ) {
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.properties = properties
        self.expiresAt = expiresAt
        self.publishedAt = publishedAt
        self.publisher = publisher
    }

    func isExpired(at now: Int64) -> Bool { expiresAt != 0 && expiresAt <= now }

    /// What counts against the store's bound in bytes.
    var storedBytes: Int { topic.count + payload.count + properties.count }
}
