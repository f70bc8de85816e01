@testable import BrokerCore

/// A seeded generator: the seed in a failing test's message replays it.
struct RoutingRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }

    /// A topic of up to 5 levels over few names, so that filters and topics meet often.
    mutating func topic() -> String {
        var levels = (0..<Int.random(in: 1...5, using: &self)).map { _ in level() }
        if chance(8) { levels[0] = "$x" }
        let topic = levels.joined(separator: "/")
        return topic.isEmpty ? "a" : topic
    }

    /// A valid filter, with or without wildcards.
    mutating func filter() -> String {
        var levels = topic().split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        if chance(60) {
            for index in levels.indices where chance(35) { levels[index] = "+" }
            if chance(40) {
                if chance(50) { levels.removeLast() }
                levels.append("#")
            }
        }
        return levels.joined(separator: "/")
    }

    private mutating func level() -> String {
        ["a", "b", "c", "", "temperature-sensor-7"].randomElement(using: &self) ?? "a"
    }
}

/// Lends a string's bytes.
func withBytes<Result>(_ text: String, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try Array(text.utf8).withUnsafeBytes(body)
}

/// A cache, a tree and sessions of one shard, freed with the fixture.
final class RoutingFixture {
    let summary: ShardSummary
    let hash: TopicHash
    let cache: TopicCache
    let tree: SubscriptionTree
    var lists: [UInt64: SessionSubscriptions] = [:]

    init(seed: UInt64 = 1, maximumEntries: Int = 65_536, maximumResultBytes: Int = 64 << 20) {
        hash = TopicHash(seed: seed)
        summary = ShardSummary(hash: hash)
        cache = TopicCache(hash: hash, maximumEntries: maximumEntries, maximumResultBytes: maximumResultBytes)
        tree = SubscriptionTree(cache: cache, hash: hash, summary: summary)
    }

    deinit {
        tree.destroy()
        cache.destroy()
    }

    /// Sessions are opaque to routing: any address that tells them apart will do.
    static func pointer(_ session: UInt64) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(bitPattern: UInt(session) &* 64 &+ 4096)
            ?? UnsafeMutableRawPointer.allocate(
                byteCount: 1, alignment: 1)
    }

    @discardableResult
    func subscribe(
        _ session: UInt64, _ filter: String, _ flags: SubscriptionFlags = SubscriptionFlags(qos: 0),
        identifier: UInt32 = 0
    ) -> Bool {
        withBytes(filter) {
            tree.insert(
                $0, session: Self.pointer(session), sessionID: session, flags: flags, identifier: identifier,
                into: &lists[session, default: SessionSubscriptions()])
        }
    }

    @discardableResult
    func unsubscribe(_ session: UInt64, _ filter: String) -> Bool {
        withBytes(filter) {
            tree.remove($0, sessionID: session, from: &lists[session, default: SessionSubscriptions()])
        }
    }

    func entry(_ topic: String) -> UnsafeMutablePointer<TopicEntry> {
        withBytes(topic) { bytes in
            guard let base = bytes.baseAddress else { preconditionFailure("a topic has at least one byte") }
            return cache.find(base, bytes.count) ?? cache.intern(base, bytes.count)
        }
    }

    /// Who receives a topic, in an order that compares.
    func receivers(_ topic: String) -> [Receiver] {
        let result = tree.match(entry(topic)).pointee
        return result.targets.map { target in
            Receiver(
                session: target.sessionID, qos: target.qos, retainAsPublished: target.retainAsPublished,
                publisherQoS: target.publisherQoS == Target.noReceiver ? nil : target.publisherQoS,
                publisherRetainAsPublished: target.publisherRetainAsPublished,
                identifiers: result.identifiers(of: target, forPublisher: false).sorted(),
                publisherIdentifiers: result.identifiers(of: target, forPublisher: true).sorted())
        }
        .sorted { $0.session < $1.session }
    }
}

/// A `Target` with its identifiers, comparable.
struct Receiver: Equatable {
    var session: UInt64
    var qos: UInt8
    var retainAsPublished = false
    var publisherQoS: UInt8?
    var publisherRetainAsPublished = false
    var identifiers: [UInt32] = []
    var publisherIdentifiers: [UInt32] = []
}
