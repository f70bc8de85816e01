/// The topics that a shard has seen lately.
extension Shard {
    /// A step of a walk over the topics that were published to on this shard lately and are still remembered.
    ///
    /// - Parameters:
    ///   - slot: 0 to begin with, then what `next` said. Slots move when the memory of topics grows meanwhile: a walk
    ///     may then miss a topic, or meet one twice.
    ///   - visits: most slots to look at.
    ///   - after: only topics that are greater, compared byte by byte.
    public func recentTopics(from slot: Int, visits: Int, after: [UInt8]) -> (topics: [[UInt8]], next: Int?) {
        let cache = state.pointee.topics
        let capacity = cache.slotCount
        let end = min(capacity, max(0, slot) + max(1, visits))
        var topics: [[UInt8]] = []
        for index in min(max(0, slot), end)..<end {
            guard let entry = cache.entry(at: index) else { continue }
            if after.isEmpty || after.lexicographicallyPrecedes(entry.topic) { topics.append(Array(entry.topic)) }
        }
        return (topics, end < capacity ? end : nil)
    }
}

extension TopicCache {
    /// Slots to step through with ``entry(at:)``.
    fileprivate var slotCount: Int { state.pointee.table.capacity }

    /// The entry in a slot, nil for a free one.
    fileprivate func entry(at slot: Int) -> UnsafeMutablePointer<TopicEntry>? { state.pointee.table.element(at: slot) }
}
