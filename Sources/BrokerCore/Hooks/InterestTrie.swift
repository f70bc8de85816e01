/// Topic filters of hook interests as a tree of levels: which of up to 64 interests look at a topic, in one walk.
/// Immutable once the table is made; asked once per topic and table.
struct InterestTrie: Sendable {
    private struct Node {
        var children: [[UInt8]: Int] = [:]
        /// The child behind `+`.
        var anyLevel: Int?
        /// Interests whose filter ends here, and here with `#`.
        var ending: UInt64 = 0
        var endingInAll: UInt64 = 0
    }

    private var nodes = [Node()]

    /// - Parameter filter: valid by MQTT's grammar.
    mutating func insert(_ filter: [UInt8], bit: UInt64) {
        var node = 0
        for level in filter.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            if level.elementsEqual("#".utf8) {
                nodes[node].endingInAll |= bit
                return
            }
            node = level.elementsEqual("+".utf8) ? anyLevel(of: node) : child(Array(level), of: node)
        }
        nodes[node].ending |= bit
    }

    /// The bits of all filters that match. Filters that begin with a wildcard do not match topics that begin with `$`
    /// [MQTT-4.7.2-1].
    func match(_ topic: UnsafeRawBufferPointer) -> UInt64 {
        var found: UInt64 = 0
        var standing = [0]
        var takesWildcards = topic.first != UInt8(ascii: "$")
        for level in topic.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            let key = Array(level)
            var next: [Int] = []
            for node in standing {
                if takesWildcards {
                    found |= nodes[node].endingInAll
                    if let child = nodes[node].anyLevel { next.append(child) }
                }
                if let child = nodes[node].children[key] { next.append(child) }
            }
            standing = next
            takesWildcards = true
        }
        // "a/#" matches "a" as well.
        for node in standing { found |= nodes[node].ending | nodes[node].endingInAll }
        return found
    }

    private mutating func child(_ level: [UInt8], of node: Int) -> Int {
        if let child = nodes[node].children[level] { return child }
        nodes.append(Node())
        nodes[node].children[level] = nodes.count - 1
        return nodes.count - 1
    }

    private mutating func anyLevel(of node: Int) -> Int {
        if let child = nodes[node].anyLevel { return child }
        nodes.append(Node())
        nodes[node].anyLevel = nodes.count - 1
        return nodes.count - 1
    }
}
