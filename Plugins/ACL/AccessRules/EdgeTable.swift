/// A map from (node, name) to node, for names given as borrowed bytes: open addressing over one block of names, so a
/// look-up neither allocates nor counts references. Filled once, then read by any thread.
struct EdgeTable: Sendable {
    private struct Slot {
        var hash: UInt64 = 0
        var parent: UInt32 = 0
        /// 0 = the slot is free: node 0 is nobody's child.
        var child: UInt32 = 0
        var nameStart: UInt32 = 0
        var nameCount: UInt32 = 0
    }

    private var slots: [Slot] = Array(repeating: Slot(), count: 16)
    private var names: [UInt8] = []
    private var count = 0

    /// The node reached from `parent` by `name`; `nil` when there is none.
    func child(of parent: UInt32, named name: Span<UInt8>) -> UInt32? {
        let hash = Self.hash(parent, name)
        let mask = slots.count - 1
        var index = Int(truncatingIfNeeded: hash) & mask
        while slots[index].child != 0 {
            if slots[index].hash == hash, slots[index].parent == parent, holds(slots[index], name) {
                return slots[index].child
            }
            index = (index + 1) & mask
        }
        return nil
    }

    /// - Precondition: no edge of this parent and name is present, and `child` is not 0.
    mutating func insert(_ child: UInt32, of parent: UInt32, named name: [UInt8]) {
        precondition(child != 0, "node 0 is the root and no node's child")
        if (count + 1) * 2 > slots.count { grow() }
        let slot = Slot(
            hash: Self.hash(parent, name.span), parent: parent, child: child,
            nameStart: UInt32(names.count), nameCount: UInt32(name.count))
        names.append(contentsOf: name)
        place(slot)
        count += 1
    }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: Slot(), count: old.count * 2)
        for slot in old where slot.child != 0 { place(slot) }
    }

    private mutating func place(_ slot: Slot) {
        let mask = slots.count - 1
        var index = Int(truncatingIfNeeded: slot.hash) & mask
        while slots[index].child != 0 { index = (index + 1) & mask }
        slots[index] = slot
    }

    private func holds(_ slot: Slot, _ name: Span<UInt8>) -> Bool {
        guard name.count == Int(slot.nameCount) else { return false }
        let start = Int(slot.nameStart)
        for index in name.indices where names[start + index] != name[index] { return false }
        return true
    }

    /// FNV-1a over the name, then a finaliser, because the table takes the low bits. The names stored come from the
    /// administrator's file, so no seed is needed against crafted collisions.
    private static func hash(_ parent: UInt32, _ name: Span<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ (UInt64(parent) &* 0x9e37_79b9_7f4a_7c15)
        for index in name.indices {
            hash = (hash ^ UInt64(name[index])) &* 0x0000_0100_0000_01b3
        }
        hash ^= hash >> 32
        hash = hash &* 0xd6e8_feb8_6659_fd93
        return hash ^ (hash >> 32)
    }
}
