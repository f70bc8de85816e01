import Testing

@testable import BrokerCore

@Suite struct RetainedStoreTests {
    private static func message(_ topic: String, _ payload: String = "1", expiresAt: Int64 = 0) -> RetainedMessage {
        RetainedMessage(
            topic: Array(topic.utf8), payload: Array(payload.utf8), qos: 1, expiresAt: expiresAt, publishedAt: 0,
            publisher: [7])
    }

    private static func store(
        _ topics: String..., maximumMessages: Int = 1000, maximumBytes: Int = 1 << 20
    ) -> RetainedStore {
        let store = RetainedStore(
            hash: TopicHash(seed: 2), maximumMessages: maximumMessages, maximumBytes: maximumBytes)
        for topic in topics { _ = store.set(message(topic)) }
        return store
    }

    private static func topics(_ cursor: RetainedCursor, piece: Int = 3, now: Int64 = 0) -> [String] {
        var messages: [RetainedMessage] = []
        while !cursor.next(into: &messages, maximum: piece, now: now) {}
        return messages.map { String(decoding: $0.topic, as: UTF8.self) }.sorted()
    }

    private static func topics(_ store: RetainedStore, _ filter: String, now: Int64 = 0) -> [String] {
        topics(withBytes(filter) { store.cursor($0) }, now: now)
    }

    private static func payload(_ store: RetainedStore, _ topic: String, now: Int64 = 0) -> String? {
        withBytes(topic) { store.get($0, now: now) }.map { String(decoding: $0.payload, as: UTF8.self) }
    }

    @Test("A store that goes takes its messages along")
    func goes() {
        weak var kept: RetainedMessage?
        do {
            let message = Self.message("a/b")
            let store = Self.store()
            #expect(store.set(message) == .stored)
            kept = message
        }
        #expect(kept == nil)
    }

    @Test("A message is stored, replaced and cleared by topic [MQTT-3.3.1-5] [MQTT-3.3.1-6]")
    func setReplaceClear() {
        let store = Self.store()
        #expect(store.set(Self.message("a/b", "one")) == .stored)
        #expect(store.set(Self.message("a/b", "two")) == .replaced)
        #expect(store.set(Self.message("a", "three")) == .stored)
        #expect(Self.payload(store, "a/b") == "two")
        #expect(Self.payload(store, "a/c") == nil)
        #expect(store.count == 2)
        #expect(store.bytes == "a/btwoathree".utf8.count)
        #expect(withBytes("a/b") { store.clear($0) })
        #expect(!withBytes("a/b") { store.clear($0) })
        #expect(!withBytes("x") { store.clear($0) })
        #expect(Self.payload(store, "a/b") == nil)
        #expect(Self.payload(store, "a") == "three")
        store.removeAll()
        #expect(store.count == 0)
        #expect(store.bytes == 0)
    }

    @Test(
        "A filter meets the messages it matches [MQTT-3.3.1-9]",
        arguments: [
            ("a", ["a"]), ("a/#", ["a", "a/b", "a/b/c", "a/d/c"]), ("a/+", ["a/b"]), ("a/+/c", ["a/b/c", "a/d/c"]),
            ("+", ["a"]), ("+/b", ["/b", "a/b"]), ("/+", ["/b"]), ("#", ["/b", "a", "a/b", "a/b/c", "a/d/c"]),
            ("+/#", ["/b", "a", "a/b", "a/b/c", "a/d/c"]), ("x/#", []), ("$SYS/#", ["$SYS/x"]),
            ("$SYS/+", ["$SYS/x"]), ("+/x", []), ("a/b/c/#", ["a/b/c"]), ("a/b/c/d", []),
        ])
    func match(_ filter: String, _ expected: [String]) {
        let store = Self.store("a", "a/b", "a/b/c", "a/d/c", "/b", "$SYS/x")
        #expect(Self.topics(store, filter) == expected)
    }

    @Test("The broker's own walk sees $-topics too")
    func everything() {
        let store = Self.store("a", "$SYS/x", "b/c")
        #expect(Self.topics(store.cursorOverAll()) == ["$SYS/x", "a", "b/c"])
    }

    @Test("An expired message is not handed out and is freed when it is met [MQTT-3.3.2-5]")
    func expiry() {
        let store = Self.store("a/stays")
        _ = store.set(Self.message("a/b", expiresAt: 100))
        _ = store.set(Self.message("a/c", expiresAt: 200))
        _ = store.set(Self.message("b/d", expiresAt: 300))
        #expect(Self.payload(store, "a/b", now: 99) == "1")
        #expect(Self.payload(store, "a/b", now: 100) == nil)
        #expect(store.count == 3)
        #expect(Self.topics(store, "a/+", now: 250) == ["a/stays"])
        #expect(store.count == 2)
        #expect(store.watch(Array("b/d".utf8), until: 300))
        #expect(store.expire(Array("b/d".utf8), watchedUntil: 300, now: 300, stamp: { _ in }) == .gone)
        #expect(store.count == 1)
        #expect(store.bytes == "a/stays1".utf8.count)
    }

    @Test("One watch a topic: the earliest deadline counts, and a message that came meanwhile is watched anew")
    func watches() {
        let store = Self.store()
        let topic = Array("a/b".utf8)
        func expire(_ deadline: Int64, now: Int64) -> RetainedStore.Expiry {
            store.expire(topic, watchedUntil: deadline, now: now, stamp: { _ in })
        }
        _ = store.set(Self.message("a/b", expiresAt: 200))
        #expect(store.watch(topic, until: 200))
        #expect(!store.watch(topic, until: 300), "somebody looks before")
        #expect(store.watch(topic, until: 100))
        #expect(expire(200, now: 200) == .settled, "another one has taken over")
        _ = store.set(Self.message("a/b", expiresAt: 400))
        #expect(expire(100, now: 100) == .later(400))
        #expect(store.watch(topic, until: 400))
        _ = store.set(Self.message("a/b"))
        #expect(expire(400, now: 400) == .settled && store.count == 1)
        #expect(store.watch(topic, until: 500))
        _ = withBytes("a/b") { store.clear($0) }
        #expect(expire(500, now: 500) == .gone, "what a store has of it goes")
    }

    @Test("At a bound a new message is refused, the old one stays, and the counts are exact")
    func bounds() {
        let messages = Self.store("a", "b", maximumMessages: 2)
        #expect(messages.set(Self.message("c")) == .refusedMessages)
        #expect(messages.set(Self.message("a", "new")) == .replaced)
        #expect(messages.count == 2)
        let bytes = Self.store("a", "b", maximumBytes: 10)
        #expect(bytes.set(Self.message("a", "123456789")) == .refusedBytes)
        #expect(Self.payload(bytes, "a") == "1")
        #expect(bytes.set(Self.message("c", "123456789")) == .refusedBytes)
        #expect(bytes.count == 2)
        #expect(bytes.bytes == 4)
        #expect(bytes.set(Self.message("c", "12345")) == .stored)
        #expect(bytes.set(Self.message("c", "1")) == .replaced)
    }

    @Test("A walk's calls do bounded work, also when nothing matches")
    func boundedWork() {
        let store = Self.store(maximumMessages: 10_000)
        for number in 0..<5000 { _ = store.set(Self.message("a/\(number)/x")) }
        let cursor = withBytes("a/+/y") { store.cursor($0) }
        var messages: [RetainedMessage] = []
        var calls = 0
        repeat { calls += 1 } while !cursor.next(into: &messages, maximum: 10, now: 0)
        #expect(messages.isEmpty)
        #expect(calls > 50)
        let all = withBytes("a/#") { store.cursor($0) }
        calls = 0
        while !all.next(into: &messages, maximum: 10, now: 0) {
            calls += 1
            #expect(messages.count <= 10 * calls)
        }
        #expect(messages.count == 5000)
    }

    @Test("A walk that is given up leaves nothing behind")
    func givenUp() {
        let store = Self.store("a/b/c", "a/b/d", "a/e")
        var cursor: RetainedCursor? = withBytes("a/#") { store.cursor($0) }
        var messages: [RetainedMessage] = []
        _ = cursor?.next(into: &messages, maximum: 1, now: 0)
        store.removeAll()
        _ = cursor?.next(into: &messages, maximum: 1, now: 0)
        cursor = nil
        #expect(Self.topics(store.cursorOverAll()).isEmpty)
        _ = store.set(Self.message("a/b"))
        #expect(Self.topics(store, "a/b/#") == ["a/b"])
    }

    @Test("A walk sees once what stays, whatever changes between its calls", arguments: [21, 22, 23] as [UInt64])
    func randomWalks(_ seed: UInt64) {
        var random = RoutingRandom(seed: seed)
        let store = Self.store(maximumMessages: 100_000)
        var model: Set<String> = []
        for _ in 0..<150 {
            let filter = random.filter()
            let cursor = withBytes(filter) { store.cursor($0) }
            var stayed = model
            var touched: Set<String> = []
            var messages: [RetainedMessage] = []
            var isDone = false
            while !isDone {
                isDone = cursor.next(into: &messages, maximum: Int.random(in: 1...4, using: &random), now: 0)
                for _ in 0..<Int.random(in: 0...6, using: &random) {
                    let topic = random.topic()
                    touched.insert(topic)
                    if random.chance(55) {
                        _ = store.set(Self.message(topic))
                        model.insert(topic)
                    } else {
                        let existed = withBytes(topic) { store.clear($0) }
                        #expect(existed == (model.remove(topic) != nil))
                        stayed.remove(topic)
                    }
                }
            }
            let seen = messages.map { String(decoding: $0.topic, as: UTF8.self) }
            func matches(_ topic: String) -> Bool {
                withBytes(filter) { f in withBytes(topic) { TopicFilter.matches(filter: f, topic: $0) } }
            }
            let expected = stayed.filter(matches)
            #expect(expected.isSubset(of: seen))
            for topic in seen { #expect(matches(topic) && (expected.contains(topic) || touched.contains(topic))) }
            for topic in expected where !touched.contains(topic) { #expect(seen.count { $0 == topic } == 1) }
            #expect(store.count == model.count)
        }
        #expect(Self.topics(store.cursorOverAll()) == model.sorted())
    }

    @Test("Threads that write and walk agree on the outcome")
    func threads() async {
        let store = Self.store(maximumMessages: 500, maximumBytes: 20_000)
        for number in 0..<100 { _ = store.set(Self.message("stay/\(number)")) }
        let wrongWalks = await withTaskGroup(of: Int.self) { group in
            for writer in 0..<2 as Range<UInt64> {
                group.addTask {
                    var random = RoutingRandom(seed: writer)
                    for _ in 0..<5000 {
                        let topic = random.chance(50) ? random.topic() : "stay/x/\(random.topic())"
                        if random.chance(60) {
                            _ = store.set(Self.message(topic, String(repeating: "p", count: 20)))
                        } else {
                            _ = withBytes(topic) { store.clear($0) }
                        }
                    }
                    return 0
                }
            }
            group.addTask {
                (0..<300).count { _ in Self.topics(store, "stay/+").count != 100 }
            }
            return await group.reduce(0, +)
        }
        #expect(wrongWalks == 0)
        var messages: [RetainedMessage] = []
        let cursor = store.cursorOverAll()
        while !cursor.next(into: &messages, maximum: 100, now: 0) {}
        #expect(store.count == messages.count)
        #expect(store.bytes == messages.reduce(0) { $0 + $1.storedBytes })
        #expect(store.count <= 500 && store.bytes <= 20_000)
    }
}
