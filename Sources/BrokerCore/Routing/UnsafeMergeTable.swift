/// Positions of targets by session id during one match. Emptied by a new round number instead of clearing, so that one
/// large match does not make later small ones slow.
struct UnsafeMergeTable: ~Copyable {
    private struct Slot {
        var round: UInt32
        var position: UInt32
    }

    private var slots: UnsafeMutablePointer<Slot>
    private var capacity = 64
    private var count = 0
    private var round: UInt32 = 0

    init() {
        slots = .allocate(capacity: capacity)
        slots.initialize(repeating: Slot(round: 0, position: 0), count: capacity)
    }

    deinit { slots.deallocate() }

    mutating func begin() {
        count = 0
        round &+= 1
        guard round == 0 else { return }
        slots.update(repeating: Slot(round: 0, position: 0), count: capacity)
        round = 1
    }

    /// The position of the session among `targets`; `position` is entered for it when it has none yet.
    @inline(__always)
    mutating func position(
        of sessionID: UInt64, orInsert position: Int, in targets: UnsafeMutablePointer<Target>
    ) -> Int {
        if count * 2 >= capacity { grow(targets) }
        var index = home(sessionID)
        while slots[index].round == round {
            let known = Int(slots[index].position)
            if targets[known].sessionID == sessionID { return known }
            index = (index &+ 1) & (capacity &- 1)
        }
        slots[index] = Slot(round: round, position: UInt32(truncatingIfNeeded: position))
        count += 1
        return position
    }

    @inline(__always)
    private func home(_ sessionID: UInt64) -> Int {
        // Fibonacci hashing: session ids are the broker's own counters, nobody can make them collide.
        Int(truncatingIfNeeded: (sessionID &* 0x9E37_79B9_7F4A_7C15) >> 32) & (capacity &- 1)
    }

    private mutating func grow(_ targets: UnsafeMutablePointer<Target>) {
        let old = slots
        let oldCapacity = capacity
        capacity *= 2
        slots = .allocate(capacity: capacity)
        slots.initialize(repeating: Slot(round: 0, position: 0), count: capacity)
        for slot in 0..<oldCapacity where old[slot].round == round {
            var index = home(targets[Int(old[slot].position)].sessionID)
            while slots[index].round == round { index = (index &+ 1) & (capacity &- 1) }
            slots[index] = old[slot]
        }
        // `round` is never 0 between `begin` and the next one, so the fresh slots are free.
        old.deallocate()
    }
}
