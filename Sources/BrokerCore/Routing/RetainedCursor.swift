import Synchronization

/// A resumable walk over the retained messages that match a filter. What is in the store from the first call to the
/// last is seen exactly once; what comes, goes or changes meanwhile may be seen or not. One thread at a time.
///
/// Between two calls it stands on a node of a stripe's trie and pins it, so that the node keeps its place also when
/// its message goes. It may be given up at any time.
final class RetainedCursor {
    /// Nodes visited per call and message asked for: the bound of work when few of the visited match.
    private static let stepsPerMessage = 8

    private typealias Trie = RetainedStripe.Trie

    private struct Position: Sendable {
        var node: UInt32
        /// Levels above the node, itself included; 0 for the root.
        var depth: Int
    }

    private var stripes: ArraySlice<RetainedStripe>
    private let pattern: RetainedPattern
    /// Where the walk stands in the first of `stripes`; nil when it has not begun there.
    private var position: Position?

    init(_ stripes: ArraySlice<RetainedStripe>, _ pattern: RetainedPattern) {
        self.stripes = stripes
        self.pattern = pattern
    }

    deinit {
        guard let position, let stripe = stripes.first else { return }
        stripe.trie.withLock { trie in Self.leave(position, &trie) }
    }

    /// Appends up to `maximum` messages that have not expired by `now`; bounded work, so it may append fewer.
    /// - Returns: true when the walk is over.
    func next(into messages: inout [RetainedMessage], maximum: Int, now: Int64) -> Bool {
        var steps = max(1, maximum) * Self.stepsPerMessage
        let end = messages.count + max(1, maximum)
        while let stripe = stripes.first {
            let isStripeDone = walk(stripe, into: &messages, end: end, now: now, steps: &steps)
            if isStripeDone {
                stripes.removeFirst()
                position = nil
            } else {
                return false
            }
            steps -= 1
            if messages.count >= end || steps <= 0 { return stripes.isEmpty }
        }
        return true
    }

    /// Goes on in one stripe until it is done, `messages` has `end` messages or the steps are used up.
    private func walk(
        _ stripe: RetainedStripe, into messages: inout [RetainedMessage], end: Int, now: Int64, steps: inout Int
    ) -> Bool {
        let (start, pattern) = (position, pattern)
        var stop: Position?
        // Freed after the lock is given back.
        var expired: [RetainedMessage] = []
        stripe.trie.withLock { trie in
            var current = start ?? Position(node: Trie.root, depth: 0)
            if start != nil { trie.node(current.node).pointee.pins -= 1 }
            while messages.count < end, steps > 0 {
                steps -= 1
                guard let next = Self.successor(of: current, pattern, trie) else {
                    Self.drop(current, &trie)
                    return
                }
                // Cannot take `next` along: it is never an ancestor of the node the walk leaves.
                Self.drop(current, &trie)
                current = next
                guard pattern.accepts(depth: current.depth), let message = trie.node(current.node).pointee.value
                else { continue }
                if message.isExpired(at: now) {
                    trie.node(current.node).pointee.value = nil
                    stripe.usage.release(message)
                    expired.append(message)
                } else {
                    messages.append(message)
                }
            }
            trie.node(current.node).pointee.pins += 1
            stop = current
        }
        position = stop
        return stop == nil
    }

    private static func leave(_ position: Position, _ trie: inout Trie) {
        trie.node(position.node).pointee.pins -= 1
        drop(position, &trie)
    }

    /// Removes a node the walk leaves when nothing else needs it.
    private static func drop(_ position: Position, _ trie: inout Trie) {
        trie.prune(from: position.node) { $0 == nil }
    }

    /// The next node in preorder whose path can lead to a match.
    private static func successor(
        of position: Position, _ pattern: RetainedPattern, _ trie: borrowing Trie
    ) -> Position? {
        let child = firstChild(of: position, pattern, trie)
        if child != Trie.none { return Position(node: child, depth: position.depth + 1) }
        var (node, depth) = (position.node, position.depth)
        while depth > 0 {
            if pattern.isOpen(depth: depth - 1) {
                let next = firstVisible(trie.node(node).pointee.nextSibling, depth: depth, pattern, trie)
                if next != Trie.none { return Position(node: next, depth: depth) }
            }
            node = trie.node(node).pointee.parent
            depth -= 1
        }
        return nil
    }

    private static func firstChild(
        of position: Position, _ pattern: RetainedPattern, _ trie: borrowing Trie
    ) -> UInt32 {
        if pattern.isOpen(depth: position.depth) {
            let first = trie.node(position.node).pointee.firstChild
            return firstVisible(first, depth: position.depth + 1, pattern, trie)
        }
        guard position.depth < pattern.levels.count else { return Trie.none }
        let level = pattern.levels[position.depth]
        return level.bytes.withUnsafeBytes { bytes in
            // An empty level has no address to lend; none of its bytes is read.
            let start = bytes.baseAddress ?? UnsafeRawPointer(trie.node(Trie.root).pointee.level)
            return trie.child(of: position.node, start, bytes.count, hash: level.hash)
        }
    }

    /// The node or the first sibling behind it that a leading wildcard may match [MQTT-4.7.2-1].
    private static func firstVisible(
        _ start: UInt32, depth: Int, _ pattern: RetainedPattern, _ trie: borrowing Trie
    ) -> UInt32 {
        guard depth == 1, !pattern.includesDollar else { return start }
        var node = start
        while node != Trie.none, trie.node(node).pointee.isDollar { node = trie.node(node).pointee.nextSibling }
        return node
    }
}

extension UnsafeLevelTrie.Node {
    /// The level begins with `$`.
    fileprivate var isDollar: Bool { levelLength > 0 && level.load(as: UInt8.self) == TopicFilter.dollar }
}
