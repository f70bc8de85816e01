import Locking

/// The retained messages of some first levels, behind one lock. Any thread.
///
/// Messages that are replaced or removed leave the lock before they are freed: freeing a large payload takes time.
final class RetainedStripe: Sendable {
    typealias Trie = UnsafeLevelTrie<RetainedMessage?>

    let trie: Locked<Trie>
    let usage: RetainedUsage
    private let hash: TopicHash

    init(hash: TopicHash, usage: RetainedUsage) {
        self.hash = hash
        self.usage = usage
        trie = Locked(Trie(hash: hash, emptyValue: nil))
    }

    deinit { trie.withLock { $0.destroy() } }

    func set(
        _ message: RetainedMessage, _ topic: UnsafeRawBufferPointer, mayGrow: Bool, _ stamp: (UInt64) -> Void
    ) -> RetainedStore.Outcome {
        let (outcome, old) = trie.withLock { trie -> (RetainedStore.Outcome, RetainedMessage?) in
            let known = find(topic, in: trie)
            let old = known == Trie.none ? nil : trie.node(known).pointee.value
            let outcome = usage.replace(old, by: message, mayGrow: mayGrow)
            guard outcome == .stored || outcome == .replaced else { return (outcome, nil) }
            let index = known == Trie.none ? make(topic, in: &trie) : known
            trie.node(index).pointee.value = message
            stamp(usage.makeOrder())
            return (outcome, old)
        }
        withExtendedLifetime(old) {}
        return outcome
    }

    func clear(_ topic: UnsafeRawBufferPointer, _ stamp: (UInt64) -> Void) -> Bool {
        let old = trie.withLock { trie -> RetainedMessage? in
            let index = find(topic, in: trie)
            guard index != Trie.none, let old = take(index, from: &trie) else { return nil }
            stamp(usage.makeOrder())
            return old
        }
        return old != nil
    }

    func get(_ topic: UnsafeRawBufferPointer, now: Int64) -> RetainedMessage? {
        let message = trie.withLock { trie -> RetainedMessage? in
            let index = find(topic, in: trie)
            guard index != Trie.none, let message = trie.node(index).pointee.value else { return nil }
            if message.isExpired(at: now) { _ = take(index, from: &trie) }
            return message
        }
        return message.flatMap { $0.isExpired(at: now) ? nil : $0 }
    }

    func expire(_ topic: UnsafeRawBufferPointer, now: Int64, _ stamp: (UInt64) -> Void) -> RetainedStore.Expiry {
        let (outcome, old) = trie.withLock { trie -> (RetainedStore.Expiry, RetainedMessage?) in
            let index = find(topic, in: trie)
            let message = index == Trie.none ? nil : trie.node(index).pointee.value
            if let message, !message.isExpired(at: now) {
                return (message.expiresAt == 0 ? .settled : .later(message.expiresAt), nil)
            }
            let old = message == nil ? nil : take(index, from: &trie)
            stamp(usage.makeOrder())
            return (.gone, old)
        }
        withExtendedLifetime(old) {}
        return outcome
    }

    func removeAll() {
        var start: UInt32? = 0
        while let from = start { start = removeMessages(from: from, maximumSteps: 256) }
    }

    /// Frees the messages of `maximumSteps` nodes.
    /// - Returns: the node to go on with, nil at the end of the stripe.
    private func removeMessages(from start: UInt32, maximumSteps: Int) -> UInt32? {
        let (messages, next) = trie.withLock { trie -> ([RetainedMessage], UInt32?) in
            var messages: [RetainedMessage] = []
            let begin = min(start, trie.used)
            let end = begin + UInt32(min(Int(trie.used - begin), max(1, maximumSteps)))
            for index in begin..<end {
                if let message = take(index, from: &trie) { messages.append(message) }
            }
            return (messages, end < trie.used ? end : nil)
        }
        withExtendedLifetime(messages) {}
        return next
    }

    // MARK: Under the lock

    private func find(_ topic: UnsafeRawBufferPointer, in trie: borrowing Trie) -> UInt32 {
        guard let bytes = topic.baseAddress else { return Trie.none }
        var node = Trie.root
        var start = 0
        while start <= topic.count, node != Trie.none {
            let end = TopicLevels.end(bytes, from: start, count: topic.count)
            node = trie.child(of: node, bytes + start, end - start, hash: hash.hash(bytes + start, end - start))
            start = end + 1
        }
        return node
    }

    private func make(_ topic: UnsafeRawBufferPointer, in trie: inout Trie) -> UInt32 {
        guard let bytes = topic.baseAddress else { preconditionFailure("a topic has at least one byte") }
        var node = Trie.root
        var start = 0
        while start <= topic.count {
            let end = TopicLevels.end(bytes, from: start, count: topic.count)
            node = trie.makeChild(
                of: node, bytes + start, end - start, hash: hash.hash(bytes + start, end - start))
            start = end + 1
        }
        return node
    }

    /// Takes the message from a node; the node goes when nothing is left of it.
    func take(_ index: UInt32, from trie: inout Trie) -> RetainedMessage? {
        guard let message = trie.node(index).pointee.value else { return nil }
        trie.node(index).pointee.value = nil
        usage.release(message)
        trie.prune(from: index) { $0 == nil }
        return message
    }
}
