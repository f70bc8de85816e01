/// Which entry, or which set, an address range leads to. An address is looked up once per length of prefix that occurs,
/// so the number of ranges costs nothing.
struct AddressTable: Sendable {
    private struct Key: Hashable {
        let parent: UInt32
        let prefix: UInt8
        let first: IPAddress
    }

    private var entries: [Key: UInt32] = [:]
    /// Lengths that occur, in bits.
    private(set) var prefixes: [Int] = []

    var isEmpty: Bool { entries.isEmpty }

    func entry(of parent: UInt32, _ address: IPAddress, prefix: Int) -> UInt32? {
        entries[Key(parent: parent, prefix: UInt8(truncatingIfNeeded: prefix), first: address.masked(to: prefix))]
    }

    func entry(of parent: UInt32, _ range: AddressRange) -> UInt32? {
        entry(of: parent, range.first, prefix: range.prefix)
    }

    func contains(_ address: IPAddress, in set: UInt32) -> Bool {
        prefixes.contains { entry(of: set, address, prefix: $0) != nil }
    }

    mutating func insert(_ entry: UInt32, of parent: UInt32, _ range: AddressRange) {
        let prefix = UInt8(truncatingIfNeeded: range.prefix)
        entries[Key(parent: parent, prefix: prefix, first: range.first)] = entry
        if !prefixes.contains(range.prefix) { prefixes.append(range.prefix) }
    }
}
