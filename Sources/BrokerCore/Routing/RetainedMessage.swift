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
    /// Session id of the publisher, 0 for the broker itself.
    let publisherID: UInt64

    init(
        topic: [UInt8], payload: [UInt8], qos: UInt8, properties: [UInt8] = [], expiresAt: Int64 = 0,
        publishedAt: Int64, publisherID: UInt64
    ) {
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.properties = properties
        self.expiresAt = expiresAt
        self.publishedAt = publishedAt
        self.publisherID = publisherID
    }

    func isExpired(at now: Int64) -> Bool { expiresAt != 0 && expiresAt <= now }

    /// What counts against the store's bound in bytes.
    var storedBytes: Int { topic.count + payload.count + properties.count }
}
