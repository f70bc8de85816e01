import Glibc
public import PluginABI

/// The changes of one group of batches, in order. Of several changes of a key only the last one is left, and nothing at
/// all of a key that was new and is gone again: most messages are acknowledged before their group is committed.
///
/// For one thread. Changes are borrowed from their batches.
public struct UnsafeChangeGroup: ~Copyable {
    private struct Slot {
        /// The group in which the slot was used last: older ones are empty.
        var group: UInt32
        /// Place of the key's change in `changes`; -1: none is needed.
        var place: Int32
        var hash: UInt64
        var key: hl_view
        /// The key was not there before this group.
        var isNew: Bool
    }

    private var changes: [UnsafePointer<hl_store_change>?] = []
    private var live: [UnsafePointer<hl_store_change>] = []
    private var slots: UnsafeMutablePointer<Slot>
    private var mask: Int
    private var used = 0
    private var group: UInt32 = 1
    /// Keys are chosen by strangers (client identifiers, topics): the secret keeps them from meeting in one slot.
    private let secret: (UInt64, UInt64)
    /// Bytes of keys and values that were added.
    public private(set) var byteCount = 0
    /// Changes that were added.
    public private(set) var changeCount = 0

    /// An empty group. `secret`: any two numbers nobody can guess.
    public init(secret: (UInt64, UInt64)) {
        self.secret = secret
        mask = 1023
        slots = Self.makeSlots(1024)
    }

    deinit { slots.deallocate() }

    /// Forgets everything.
    public mutating func removeAll() {
        changes.removeAll(keepingCapacity: true)
        live.removeAll(keepingCapacity: true)
        (used, byteCount, changeCount) = (0, 0, 0)
        group &+= 1
        if group == 0 {
            for index in 0...mask { slots[index].group = 0 }
            group = 1
        }
    }

    /// Adds the changes of a batch behind all others.
    public mutating func add(_ start: UnsafePointer<hl_store_change>?, count: Int) {
        guard let start else { return }
        for index in 0..<count { add(start + index) }
        changeCount += count
    }

    private mutating func add(_ change: UnsafePointer<hl_store_change>) {
        let key = change.pointee.key
        byteCount += Int(key.len) + Int(change.pointee.value.len)
        guard change.pointee.kind != HL_STORE_DELETE_RANGE else {
            changes.append(change)
            return
        }
        if used * 2 > mask { grow() }
        let hash = hash(key)
        let slot = slots + place(of: key, hash)
        let isDelete = change.pointee.kind == HL_STORE_DELETE
        if slot.pointee.group == group {
            if slot.pointee.place >= 0 { changes[Int(slot.pointee.place)] = nil }
        } else {
            used += 1
            let isNew = !isDelete && change.pointee.hints & HL_STORE_NEW != 0
            slot.initialize(to: Slot(group: group, place: -1, hash: hash, key: key, isNew: isNew))
        }
        if isDelete && slot.pointee.isNew {
            slot.pointee.place = -1
        } else {
            slot.pointee.place = Int32(changes.count)
            changes.append(change)
        }
    }

    /// Lends what is left, in order.
    public mutating func withChanges<Result, Failure: Error>(
        _ body: (UnsafeBufferPointer<UnsafePointer<hl_store_change>>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        live.removeAll(keepingCapacity: true)
        for change in changes { if let change { live.append(change) } }
        let live = live
        return try Self.lend(live, body)
    }

    private static func lend<Result, Failure: Error>(
        _ live: [UnsafePointer<hl_store_change>],
        _ body: (UnsafeBufferPointer<UnsafePointer<hl_store_change>>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try live.withUnsafeBufferPointer { buffer throws(Failure) in try body(buffer) }
    }

    private func place(of key: hl_view, _ hash: UInt64) -> Int {
        var index = Int(truncatingIfNeeded: hash) & mask
        while slots[index].group == group {
            if slots[index].hash == hash, Self.areEqual(slots[index].key, key) { break }
            index = (index + 1) & mask
        }
        return index
    }

    private mutating func grow() {
        let (old, oldMask) = (slots, mask)
        mask = mask * 2 + 1
        slots = Self.makeSlots(mask + 1)
        for index in 0...oldMask where old[index].group == group {
            var new = Int(truncatingIfNeeded: old[index].hash) & mask
            while slots[new].group == group { new = (new + 1) & mask }
            slots[new] = old[index]
        }
        old.deallocate()
    }

    private static func makeSlots(_ count: Int) -> UnsafeMutablePointer<Slot> {
        let slots = UnsafeMutablePointer<Slot>.allocate(capacity: count)
        slots.initialize(repeating: Slot(group: 0, place: -1, hash: 0, key: hl_view(), isNew: false), count: count)
        return slots
    }

    private static func areEqual(_ first: hl_view, _ second: hl_view) -> Bool {
        guard first.len == second.len else { return false }
        guard let left = first.ptr, let right = second.ptr else { return true }
        return memcmp(left, right, Int(first.len)) == 0
    }

    private func hash(_ key: hl_view) -> UInt64 {
        var hash = secret.0 ^ key.len
        guard let bytes = key.ptr else { return hash }
        let raw = UnsafeRawPointer(bytes)
        let count = Int(key.len)
        var index = 0
        while index + 8 <= count {
            hash = Self.fold(hash ^ raw.loadUnaligned(fromByteOffset: index, as: UInt64.self), secret.1)
            index += 8
        }
        var rest: UInt64 = 0
        while index < count {
            rest = rest << 8 | UInt64(bytes[index])
            index += 1
        }
        return Self.fold(hash ^ rest, secret.1)
    }

    private static func fold(_ first: UInt64, _ second: UInt64) -> UInt64 {
        let product = first.multipliedFullWidth(by: second)
        return product.high ^ product.low
    }
}
