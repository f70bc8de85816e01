import PluginABI

/// A snapshot, for one thread at a time.
public final class UnsafeStoreView {
    private let table: UnsafePointer<hl_store_v1>
    private let handle: OpaquePointer

    init(_ table: UnsafePointer<hl_store_v1>, _ handle: OpaquePointer) {
        (self.table, self.handle) = (table, handle)
    }

    /// A key and its value.
    public struct Pair: Sendable, Equatable {
        /// Any bytes.
        public var key: [UInt8]
        /// Any bytes.
        public var value: [UInt8]

        /// A pair.
        public init(key: [UInt8], value: [UInt8]) { (self.key, self.value) = (key, value) }
    }

    /// The value of a key; nil when there is none.
    public func get(_ key: [UInt8], capacity: Int = 1 << 20) throws(StoreError) -> [UInt8]? {
        var size: UInt64 = 0
        var status = HL_OK
        let value = key.withUnsafeBufferPointer { key in
            [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
                let view = hl_view(ptr: key.baseAddress, len: UInt64(key.count))
                status = table.pointee.get(handle, view, buffer.baseAddress, UInt64(capacity), &size)
                count = status == HL_OK ? Int(min(size, UInt64(capacity))) : 0
            }
        }
        if status == HL_NOT_FOUND { return nil }
        guard status == HL_OK else { throw StoreError(status, "cannot read a key") }
        return size > UInt64(capacity) ? try get(key, capacity: Int(size)) : value
    }

    /// Gives every pair of a range to `body`, in order; damage to `damaged`, after which it goes on behind it.
    /// - Parameters:
    ///   - batch: pairs that are asked for at once.
    ///   - body: false ends the walk.
    public func scan(
        from: [UInt8] = [], to: [UInt8] = [], flags: UInt32 = 0, batch: Int = 256,
        damaged: (() -> Void)? = nil, _ body: (Pair) throws -> Bool
    ) throws {
        let cursor = try open(from, to, flags)
        defer { table.pointee.end_scan(cursor) }
        var pairs = [hl_store_pair](repeating: hl_store_pair(), count: batch)
        while true {
            var count: UInt32 = 0
            let status = table.pointee.next(cursor, &pairs, UInt32(batch), &count)
            for pair in pairs.prefix(Int(count)) {
                guard try body(Pair(key: pair.key.bytes, value: pair.value.bytes)) else { return }
            }
            switch status {
            case HL_OK: if count == 0 { return }
            case HL_DAMAGED where damaged != nil: damaged?()
            default: throw StoreError(status, "cannot read on")
            }
        }
    }

    /// All pairs of a range.
    public func pairs(from: [UInt8] = [], to: [UInt8] = [], flags: UInt32 = 0) throws -> [Pair] {
        var result: [Pair] = []
        try scan(from: from, to: to, flags: flags) {
            result.append($0)
            return true
        }
        return result
    }

    private func open(_ from: [UInt8], _ to: [UInt8], _ flags: UInt32) throws(StoreError) -> OpaquePointer {
        var range = hl_store_range()
        range.struct_size = UInt32(MemoryLayout<hl_store_range>.size)
        range.flags = flags
        var cursor: OpaquePointer?
        let status = from.withUnsafeBufferPointer { from in
            to.withUnsafeBufferPointer { to in
                range.from = hl_view(ptr: from.baseAddress, len: UInt64(from.count))
                range.to = hl_view(ptr: to.baseAddress, len: UInt64(to.count))
                return table.pointee.scan(handle, &range, &cursor)
            }
        }
        guard status == HL_OK, let cursor else { throw StoreError(status, "cannot begin to read") }
        return cursor
    }

    /// The last call.
    public func end() { table.pointee.end_snapshot(handle) }
}

extension hl_view {
    fileprivate var bytes: [UInt8] {
        guard let ptr, len > 0 else { return [] }
        return Array(UnsafeBufferPointer(start: ptr, count: Int(len)))
    }
}
