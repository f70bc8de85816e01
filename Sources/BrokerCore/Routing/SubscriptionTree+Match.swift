// HOT PATH: a current result costs the comparison of a stamp; a stale one about 0.1 us and 50 ns per level and filter.

extension SubscriptionTree {
    /// Who receives the topic on this shard. Valid until the next `TopicCache.beginTurn()`.
    @inline(__always)
    func match(_ entry: UnsafeMutablePointer<TopicEntry>) -> UnsafePointer<MatchResult> {
        let stamp = state.pointee.generations.stamp(entry)
        if entry.pointee.matchStamp == stamp, let result = entry.pointee.match { return UnsafePointer(result) }
        return UnsafePointer(recompute(entry, stamp: stamp))
    }

    @inline(never)
    private func recompute(
        _ entry: UnsafeMutablePointer<TopicEntry>, stamp: UInt64
    ) -> UnsafeMutablePointer<MatchResult> {
        state.pointee.builder.begin(hash: state.pointee.hash, topic: entry)
        collectFilters(entry)
        let result = state.pointee.builder.build(
            state.pointee.slab, empty: state.pointee.cache.state.pointee.emptyResult)
        state.pointee.cache.setResult(result, stamp: stamp, of: entry)
        return result
    }

    /// Hands every filter that matches the topic to the builder, each once.
    private func collectFilters(_ entry: UnsafeMutablePointer<TopicEntry>) {
        let topic = entry.topic
        guard let bytes = topic.baseAddress else { return }
        if let record = state.pointee.filters.find(entry.pointee.hash, bytes, topic.count),
            record.pointee.kind == .exact
        {
            state.pointee.builder.add(record)
        }
        // Wildcards at the root do not match topics that begin with `$` [MQTT-4.7.2-1].
        visit(UnsafeLevelTrie<WildcardNode>.root, level: 0, bytes, rootWildcards: !entry.pointee.isDollar)
        while let (node, level) = state.pointee.builder.nextVisit() {
            visit(node, level: level, bytes, rootWildcards: true)
        }
    }

    /// A node whose path matches the topic's first `level` levels.
    @inline(__always)
    private func visit(_ node: UInt32, level: Int, _ bytes: UnsafeRawPointer, rootWildcards: Bool) {
        let value = state.pointee.trie.node(node).pointee.value
        // `a/#` matches `a` too: the multi-level wildcard stands for its parent and any number of levels below.
        if rootWildcards, let record = value.multiLevelFilter { state.pointee.builder.add(record) }
        guard level < state.pointee.builder.levelCount else {
            if let record = value.filter { state.pointee.builder.add(record) }
            return
        }
        let none = UnsafeLevelTrie<WildcardNode>.none
        if rootWildcards, value.plusChild != none { state.pointee.builder.visitLater(value.plusChild, level + 1) }
        let part = state.pointee.builder.level(level)
        let child = state.pointee.trie.child(of: node, bytes + part.offset, part.length, hash: part.hash)
        if child != none { state.pointee.builder.visitLater(child, level + 1) }
    }
}
