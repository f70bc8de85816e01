/// The key space, table by table; the order of tables is the order in which a start reads them.
///
/// A key is its table's byte and what names the row there: numbers big-endian, so that their order is that of the keys.
public enum StoreTable: UInt8, Sendable, CaseIterable {
    /// The version of the format.
    case format = 0
    /// Messages, by id.
    case message = 1
    /// Shared groups, by number.
    case group = 2
    /// Sessions: everything of one client together, its queue last and in order. A session ends with one range.
    case client = 3
    /// What waits for shared groups, by number and position.
    case groupQueue = 4
    /// Retained messages, by topic.
    case retained = 5
    /// Messages between two shards, by id.
    case handover = 6

    /// The key of a number in a table that goes by numbers.
    public func key(_ number: UInt64) -> [UInt8] { [rawValue] + StoreKey.bigEndian(number) }

    /// All keys of the table: from the first to before the second.
    public var range: (from: [UInt8], to: [UInt8]) { ([rawValue], [rawValue + 1]) }
}

/// What rows of one client are about; the byte behind the client's name.
enum ClientTable: UInt8 {
    case session = 1
    case offline = 2
    case will = 3
    case subscription = 4
    case rewritten = 5
    case received = 6
    case inflight = 7
    case queued = 8
}

/// A client as keys name it: its Client Identifier or, when that is longer than 255 bytes, the digest of it.
public struct StoreClient: Hashable, Sendable {
    /// The identifier, or the digest.
    public let bytes: [UInt8]
    /// Which of the two.
    public let isDigest: Bool

    static let longestName = 255

    /// The client with this identifier.
    public init(_ clientID: [UInt8]) {
        isDigest = clientID.count > Self.longestName || clientID.isEmpty
        bytes = isDigest ? Digest.of(clientID) : clientID
    }

    init(bytes: [UInt8], isDigest: Bool) {
        self.bytes = bytes
        self.isDigest = isDigest
    }

    /// All keys of the client: from the first to before the second.
    public var range: (from: [UInt8], to: [UInt8]) {
        (StoreKey.client(self), StoreKey.after(StoreKey.client(self)))
    }

    /// The keys of its queue from `position` on: from the first to before the second.
    public func queue(from position: UInt64) -> (from: [UInt8], to: [UInt8]) {
        let queue = StoreKey.client(self) + [ClientTable.queued.rawValue]
        return (queue + StoreKey.bigEndian(position), StoreKey.after(queue))
    }
}

/// Builds keys.
enum StoreKey {
    /// Longer names are in the key as digests.
    static let longestFilter = 512
    static let longestTopic = 900

    static func client(_ client: StoreClient) -> [UInt8] {
        // No name has the length 0: the digest follows.
        [StoreTable.client.rawValue, client.isDigest ? 0 : UInt8(truncatingIfNeeded: client.bytes.count)] + client.bytes
    }

    /// A name as the end of a key.
    static func name(_ name: [UInt8], longest: Int) -> [UInt8] {
        name.count <= longest ? [0] + name : [1] + Digest.of(name)
    }

    static func bigEndian(_ number: UInt64) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }

    /// The least key that is greater than all that begin with `prefix`.
    static func after(_ prefix: [UInt8]) -> [UInt8] {
        var end = prefix
        while let last = end.popLast() {
            if last < .max {
                end.append(last + 1)
                break
            }
        }
        return end
    }
}
