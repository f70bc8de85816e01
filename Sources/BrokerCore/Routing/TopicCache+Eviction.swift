extension TopicCache {
    /// Slots looked at for one victim. A bound, so that no publish pays for a walk through the whole table.
    private static let slotsPerSearch = 128
    /// Entries removed per new one while the cache is over its bound: 2, so that it shrinks back.
    private static let victimsPerEntry = 2

    /// Evicts until a new entry fits the bound, within a bounded number of steps.
    func makeRoom() {
        var victims = 0
        while state.pointee.table.count >= state.pointee.maximumEntries, victims < Self.victimsPerEntry {
            guard let victim = findVictim() else { return }
            evict(victim)
            victims += 1
        }
    }

    /// Second chance: the first entry not asked for since the hand's last visit; else the one not asked for the
    /// longest among those visited. Never one of this turn or a pinned one.
    private func findVictim() -> UnsafeMutablePointer<TopicEntry>? {
        var oldest: UnsafeMutablePointer<TopicEntry>?
        for _ in 0..<Self.slotsPerSearch {
            let slot = state.pointee.entryHand & (state.pointee.table.capacity - 1)
            state.pointee.entryHand = slot + 1
            guard let entry = state.pointee.table.element(at: slot), !isInUse(entry) else { continue }
            if entry.pointee.seenTurn == entry.pointee.lastTurn { return entry }
            entry.pointee.seenTurn = entry.pointee.lastTurn
            if oldest.map({ age($0) < age(entry) }) ?? true { oldest = entry }
        }
        return oldest
    }

    private func evict(_ entry: UnsafeMutablePointer<TopicEntry>) {
        let removed = state.pointee.table.remove(entry.pointee.hash) { $0 == entry }
        precondition(removed != nil, "an entry in the cache is in its table")
        dropResult(of: entry)
        free(entry)
        state.pointee.evictions += 1
    }

    /// Handed out in this turn, or pinned: its memory must stay.
    func isInUse(_ entry: UnsafeMutablePointer<TopicEntry>) -> Bool {
        entry.pointee.pins > 0 || entry.pointee.lastTurn == state.pointee.turn
    }

    /// Turns since the entry was asked for; turns wrap around.
    private func age(_ entry: UnsafeMutablePointer<TopicEntry>) -> UInt32 {
        state.pointee.turn &- entry.pointee.lastTurn
    }
}
