/// What one pair of key and value says. Times are nanoseconds since 1970 (UTC): the clock of a broker ends with it.
public enum StoreRecord: Sendable, Equatable {
    /// The version of the format the store is in.
    case format(version: UInt32)
    /// A message that ``StoreRecord/messageReference`` of other records name.
    case message(id: UInt64, StoredMessage)
    /// A shared group and what its members subscribed to.
    case group(number: UInt64, subscription: [UInt8])
    /// A session. `expiry` in seconds. The first record of its client.
    case session(clientID: [UInt8], expiry: UInt32)
    /// The session has been offline since then.
    case offline(StoreClient, since: Int64)
    case will(StoreClient, StoredWill)
    case subscription(StoreClient, filter: [UInt8], options: UInt8, identifier: UInt32)
    /// A plugin has put `entered` in the place of `asked`.
    case rewritten(StoreClient, asked: [UInt8], entered: [UInt8])
    /// A QoS 2 message came under this identifier.
    case received(StoreClient, packetID: UInt16)
    /// A message is under way; nil: PUBREC has come. In order of `order`.
    case inflight(StoreClient, packetID: UInt16, order: UInt64, StoredDelivery?)
    /// A message waits; its position is that of the delivery.
    case queued(StoreClient, StoredDelivery)
    /// A message waits for a group.
    case groupQueued(group: UInt64, position: UInt64, message: UInt64, qos: UInt8)
    /// `publisher` is a Client Identifier, empty for the broker itself.
    case retained(StoredMessage, publisher: [UInt8])
    case handover(id: UInt64, StoredHandover)

    /// The message record that has to be there as well.
    public var messageReference: UInt64? {
        switch self {
        case .inflight(_, _, _, let delivery): delivery?.message
        case .queued(_, let delivery): delivery.message
        case .groupQueued(_, _, let message, _): message
        default: nil
        }
    }

    /// The client it belongs to.
    public var client: StoreClient? {
        switch self {
        case .session(let clientID, _): StoreClient(clientID)
        case .offline(let client, _), .will(let client, _), .subscription(let client, _, _, _),
            .rewritten(let client, _, _), .received(let client, _), .inflight(let client, _, _, _),
            .queued(let client, _):
            client
        case .format, .message, .group, .groupQueued, .retained, .handover: nil
        }
    }

    /// Key and value.
    public var encoded: (key: [UInt8], value: [UInt8]) {
        var writer = RecordWriter()
        writer.write(self)
        return (Array(writer.bytes[..<writer.keyCount]), Array(writer.bytes[writer.keyCount...]))
    }

    /// Its key.
    public var key: [UInt8] { encoded.key }
}
