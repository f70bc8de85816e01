// HOT PATH: `find` costs the probe only (about 1.5 slots on average), no allocation, no ARC.

/// An open-addressing hash table of plain elements whose keys live with the elements: linear probing, removal by
/// shifting back (no tombstones), at most two thirds full. The caller hashes and compares.
///
/// Invariants: `capacity` is a power of two; a slot with tag 0 is free; no free slot lies between an element's home
/// and its slot.
struct UnsafeProbeTable<Element: BitwiseCopyable>: ~Copyable {
    private struct Slot {
        /// The hash's low 32 bits with the lowest set, so that 0 means free; the upper 31 name the home slot.
        var tag: UInt32
        var element: Element
    }

    private var slots: UnsafeMutablePointer<Slot>
    private(set) var capacity: Int
    private(set) var count = 0

    /// - Parameter capacity: slots to begin with, a power of two.
    init(capacity: Int = 64) {
        precondition(capacity > 1 && capacity & (capacity - 1) == 0, "a probe table's capacity is a power of two")
        self.capacity = capacity
        slots = Self.allocate(capacity)
    }

    deinit { slots.deallocate() }

    /// The element whose hash is `hash` and for which `isMatch` holds.
    @inline(__always)
    func find(_ hash: UInt64, where isMatch: (Element) -> Bool) -> Element? {
        let tag = UInt32(truncatingIfNeeded: hash) | 1
        let mask = capacity &- 1
        var index = Int(tag >> 1) & mask
        while slots[index].tag != 0 {
            if slots[index].tag == tag, isMatch(slots[index].element) { return slots[index].element }
            index = (index &+ 1) & mask
        }
        return nil
    }

    /// Adds an element the table does not have.
    mutating func insert(_ hash: UInt64, _ element: Element) {
        if (count + 1) * 3 > capacity * 2 { grow() }
        place(UInt32(truncatingIfNeeded: hash) | 1, element)
        count += 1
    }

    /// Removes the element that `find` would give.
    @discardableResult
    mutating func remove(_ hash: UInt64, where isMatch: (Element) -> Bool) -> Element? {
        let tag = UInt32(truncatingIfNeeded: hash) | 1
        let mask = capacity &- 1
        var index = Int(tag >> 1) & mask
        while slots[index].tag != 0 {
            if slots[index].tag == tag, isMatch(slots[index].element) {
                let element = slots[index].element
                closeGap(at: index)
                count -= 1
                return element
            }
            index = (index &+ 1) & mask
        }
        return nil
    }

    /// The element in a slot, nil for a free one; for walks that step through the slots.
    func element(at index: Int) -> Element? {
        slots[index].tag == 0 ? nil : slots[index].element
    }

    private mutating func place(_ tag: UInt32, _ element: Element) {
        let mask = capacity &- 1
        var index = Int(tag >> 1) & mask
        while slots[index].tag != 0 { index = (index &+ 1) & mask }
        slots[index] = Slot(tag: tag, element: element)
    }

    /// Moves back every element behind the gap whose home does not lie between the gap and its slot.
    private mutating func closeGap(at start: Int) {
        let mask = capacity &- 1
        var gap = start
        var index = (start &+ 1) & mask
        while slots[index].tag != 0 {
            let home = Int(slots[index].tag >> 1) & mask
            if (index &- home) & mask >= (index &- gap) & mask {
                slots[gap] = slots[index]
                gap = index
            }
            index = (index &+ 1) & mask
        }
        slots[gap].tag = 0
    }

    private mutating func grow() {
        let old = slots
        let oldCapacity = capacity
        capacity *= 2
        slots = Self.allocate(capacity)
        for index in 0..<oldCapacity where old[index].tag != 0 { place(old[index].tag, old[index].element) }
        old.deallocate()
    }

    private static func allocate(_ capacity: Int) -> UnsafeMutablePointer<Slot> {
        let slots = UnsafeMutablePointer<Slot>.allocate(capacity: capacity)
        // Slots are plain data and only the tag is read of a free one, so zeroed bytes are free slots.
        UnsafeMutableRawPointer(slots).initializeMemory(
            as: UInt8.self, repeating: 0, count: capacity * MemoryLayout<Slot>.stride)
        return slots
    }
}
