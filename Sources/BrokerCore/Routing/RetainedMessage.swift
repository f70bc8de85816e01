/// A message as the retained store keeps it: immutable, shared by all shards.
final class RetainedMessage: Sendable {
    let topic: [UInt8]
    let payload: [UInt8]
    let qos: UInt8
    /// The forwardable part of the MQTT 5 properties, encoded, without its length.
    let properties: [UInt8]
    /// Nanoseconds of the broker's clock; 0 for never.
    let expiresAt: Int64
    let publishedAt: Int64
    /// Session id of the publisher, 0 for the broker itself.
    let publisherID: UInt64

    init(
        topic: [UInt8], payload: [UInt8], qos: UInt8, properties: [UInt8], expiresAt: Int64, publishedAt: Int64,
        publisherID: UInt64
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
}
