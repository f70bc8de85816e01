import Glibc

/// Packet identifiers of QoS 2 messages received and not yet released [MQTT-4.3.3-10]. Open addressing with
/// backward-shift deletion; no memory while empty and never used.
struct PacketIDSet {
    private var slots: UnsafeMutablePointer<UInt16>?
    private var mask: Int = -1
    private(set) var count = 0

    func contains(_ id: UInt16) -> Bool {
        guard let slots else { return false }
        var index = Int(id) & mask
        while slots[index] != 0 {
            if slots[index] == id { return true }
            index = (index + 1) & mask
        }
        return false
    }

    /// Adds `id`, which is not 0; false when it was there.
    mutating func insert(_ id: UInt16) -> Bool {
        if (count + 1) * 2 > mask + 1 { resize(max(8, (mask + 1) * 2)) }
        guard let slots else { return false }
        var index = Int(id) & mask
        while slots[index] != 0 {
            if slots[index] == id { return false }
            index = (index + 1) & mask
        }
        slots[index] = id
        count += 1
        return true
    }

    /// Removes `id`; false when it was not there.
    mutating func remove(_ id: UInt16) -> Bool {
        guard let slots else { return false }
        var index = Int(id) & mask
        while slots[index] != id {
            if slots[index] == 0 { return false }
            index = (index + 1) & mask
        }
        var hole = index
        var next = (hole + 1) & mask
        while slots[next] != 0 {
            let home = Int(slots[next]) & mask
            if (next - home) & mask >= (next - hole) & mask {
                slots[hole] = slots[next]
                hole = next
            }
            next = (next + 1) & mask
        }
        slots[hole] = 0
        count -= 1
        return true
    }

    /// All identifiers, in no order.
    var all: [UInt16] {
        guard let slots else { return [] }
        return (0...mask).compactMap { slots[$0] == 0 ? nil : slots[$0] }
    }

    /// Frees the memory.
    mutating func release() {
        free(slots)
        slots = nil
        mask = -1
        count = 0
    }

    private mutating func resize(_ capacity: Int) {
        guard let memory = calloc(capacity, 2) else { fatalError("out of memory: packet identifiers") }
        let old = all
        free(slots)
        slots = memory.bindMemory(to: UInt16.self, capacity: capacity)
        mask = capacity - 1
        count = 0
        for id in old { _ = insert(id) }
    }
}
