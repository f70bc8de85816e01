import Glibc

/// A filter that has subscribers: header of an allocation that ends with the filter's bytes.
struct FilterRecord {
    enum Kind: UInt8 {
        /// Without wildcard: found by the topic's own hash.
        case exact
        /// With `+` or `#`: reached through the trie.
        case wildcard
        /// `$share/{name}/{filter}` of a member's session: kept for its session, never matched here.
        case shared
    }

    let hash: UInt64
    /// First subscription in the slab, `Subscription.none` when there is none.
    var first: UInt32 = Subscription.none
    /// The trie's node for a wildcard filter, else unused.
    var node: UInt32 = 0
    let length: UInt16
    let kind: Kind

    /// Where the bytes begin: right behind the header, without padding.
    fileprivate static let headerSize = MemoryLayout<FilterRecord>.size
}

extension UnsafeMutablePointer<FilterRecord> {
    /// The filter's bytes, which follow the header.
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: UnsafeRawPointer(self) + FilterRecord.headerSize, count: Int(pointee.length))
    }
}

/// All filters of a tree that have subscribers, by their bytes. Owns the records.
struct UnsafeFilterTable: ~Copyable {
    private var table = UnsafeProbeTable<UnsafeMutablePointer<FilterRecord>>()

    deinit {
        for index in 0..<table.capacity {
            if let record = table.element(at: index) { UnsafeMutableRawPointer(record).deallocate() }
        }
    }

    /// The record of a filter, or of a topic's exact filter, by the bytes and their hash.
    @inline(__always)
    func find(_ hash: UInt64, _ bytes: UnsafeRawPointer, _ count: Int) -> UnsafeMutablePointer<FilterRecord>? {
        table.find(hash) { record in
            record.pointee.hash == hash && Int(record.pointee.length) == count
                && memcmp(UnsafeRawPointer(record) + FilterRecord.headerSize, bytes, count) == 0
        }
    }

    /// Adds a filter the table does not have; its bytes are copied.
    mutating func insert(
        _ hash: UInt64, _ bytes: UnsafeRawBufferPointer, kind: FilterRecord.Kind
    ) -> UnsafeMutablePointer<FilterRecord> {
        precondition(!bytes.isEmpty && bytes.count <= 65_535, "a filter has 1 to 65,535 bytes")
        let block = UnsafeMutableRawPointer.allocate(
            byteCount: FilterRecord.headerSize + bytes.count, alignment: MemoryLayout<FilterRecord>.alignment)
        let record = block.bindMemory(to: FilterRecord.self, capacity: 1)
        record.initialize(to: FilterRecord(hash: hash, length: UInt16(bytes.count), kind: kind))
        UnsafeMutableRawBufferPointer(start: block + FilterRecord.headerSize, count: bytes.count)
            .copyMemory(from: bytes)
        table.insert(hash, record)
        return record
    }

    /// Removes and frees a record.
    mutating func remove(_ record: UnsafeMutablePointer<FilterRecord>) {
        table.remove(record.pointee.hash) { $0 == record }
        UnsafeMutableRawPointer(record).deallocate()
    }
}
