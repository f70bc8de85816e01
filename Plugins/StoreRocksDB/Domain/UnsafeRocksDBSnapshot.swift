import CRocksDB
import Glibc
import PluginABI
import StoreEngine

/// A snapshot of RocksDB.
final class UnsafeRocksDBSnapshot: StorageSnapshot {
    private let database: OpaquePointer
    private let path: String
    private let snapshot: OpaquePointer?
    private let options: OpaquePointer?

    init(_ database: OpaquePointer, _ path: String) {
        self.database = database
        self.path = path
        snapshot = rocksdb_create_snapshot(database)
        options = rocksdb_readoptions_create()
        rocksdb_readoptions_set_snapshot(options, snapshot)
        rocksdb_readoptions_set_verify_checksums(options, 1)
    }

    func get(_ key: hl_view, _ body: (hl_view) -> Void) throws(StoreFailure) -> Bool {
        var message: UnsafeMutablePointer<CChar>?
        let found = rocksdb_get_pinned(
            database, options, UnsafeRocksDBEngine.characters(key), Int(key.len), &message)
        if let failure = UnsafeRocksDBEngine.failure(message, path) { throw failure }
        guard let found else { return false }
        defer { rocksdb_pinnableslice_destroy(found) }
        var length = 0
        let value = rocksdb_pinnableslice_value(found, &length)
        body(UnsafeRocksDBCursor.view(value, length))
        return true
    }

    func scan(from: hl_view, to: hl_view, flags: UInt32) throws(StoreFailure) -> any StorageCursor {
        UnsafeRocksDBCursor(database, snapshot, path, from: from, to: to, flags: flags)
    }

    func end() {
        rocksdb_readoptions_destroy(options)
        rocksdb_release_snapshot(database, snapshot)
    }
}

/// A walk. Pairs are copied into one block, which is used again by the next call.
final class UnsafeRocksDBCursor: StorageCursor {
    private static let blockBytes = 256 << 10

    private let path: String
    private let keysOnly: Bool
    private let reverse: Bool
    private let database: OpaquePointer
    private var iterator: OpaquePointer?
    private let options: OpaquePointer?
    /// RocksDB keeps pointers to the bounds.
    private let lower: UnsafeMutableBufferPointer<CChar>
    private let upper: UnsafeMutableBufferPointer<CChar>
    private var block = UnsafeMutableRawBufferPointer.allocate(byteCount: blockBytes, alignment: 8)
    private var used = 0
    private var isOver = false
    /// The key that was given out last, to go on behind it after damage; nil: none was.
    private var lastKey: [UInt8]?

    init(
        _ database: OpaquePointer, _ snapshot: OpaquePointer?, _ path: String, from: hl_view, to: hl_view,
        flags: UInt32
    ) {
        self.path = path
        self.database = database
        keysOnly = flags & HL_STORE_KEYS_ONLY != 0
        reverse = flags & HL_STORE_REVERSE != 0
        lower = Self.copy(from)
        upper = Self.copy(to)
        options = rocksdb_readoptions_create()
        rocksdb_readoptions_set_snapshot(options, snapshot)
        rocksdb_readoptions_set_verify_checksums(options, 1)
        if from.len > 0 { rocksdb_readoptions_set_iterate_lower_bound(options, lower.baseAddress, lower.count) }
        if to.len > 0 { rocksdb_readoptions_set_iterate_upper_bound(options, upper.baseAddress, upper.count) }
        iterator = rocksdb_create_iterator(database, options)
        if reverse { rocksdb_iter_seek_to_last(iterator) } else { rocksdb_iter_seek_to_first(iterator) }
    }

    deinit {
        block.deallocate()
        lower.deallocate()
        upper.deallocate()
    }

    private static func copy(_ view: hl_view) -> UnsafeMutableBufferPointer<CChar> {
        let copy = UnsafeMutableBufferPointer<CChar>.allocate(capacity: Int(view.len))
        if let bytes = view.ptr, let base = copy.baseAddress { memcpy(base, bytes, Int(view.len)) }
        return copy
    }

    static func view(_ bytes: UnsafePointer<CChar>?, _ count: Int) -> hl_view {
        hl_view(ptr: bytes.map { UnsafeRawPointer($0).assumingMemoryBound(to: UInt8.self) }, len: UInt64(count))
    }

    func next(_ pairs: UnsafeMutableBufferPointer<hl_store_pair>, _ count: inout Int) throws(StoreFailure) {
        used = 0
        guard !isOver else { return }
        defer { if count > 0 { lastKey = Self.bytes(pairs[count - 1].key) } }
        while count < pairs.count, rocksdb_iter_valid(iterator) != 0 {
            guard let pair = copyPair(isFirst: count == 0) else { return }
            pairs[count] = pair
            count += 1
            if reverse { rocksdb_iter_prev(iterator) } else { rocksdb_iter_next(iterator) }
        }
        guard rocksdb_iter_valid(iterator) == 0 else { return }
        isOver = true
        var message: UnsafeMutablePointer<CChar>?
        rocksdb_iter_get_error(iterator, &message)
        guard let failure = UnsafeRocksDBEngine.failure(message, path) else { return }
        guard failure.status == HL_DAMAGED else { throw failure }
        throw skipDamage(after: count > 0 ? Self.bytes(pairs[count - 1].key) : lastKey, failure.message)
    }

    /// Stands behind the damaged place, and says what is lost. Never a place twice: each one is behind the last.
    private func skipDamage(after last: [UInt8]?, _ what: String) -> StoreFailure {
        let before = last ?? (reverse ? nil : lower.map { UInt8(bitPattern: $0) })
        let beginning = before.map { DamageSearch.words($0) } ?? "the end"
        guard let found = nextReadable(after: before ?? []) else {
            return StoreFailure(HL_DAMAGED, "\(what): pairs beyond key \(beginning) cannot be read")
        }
        isOver = false
        return StoreFailure(
            HL_DAMAGED, "\(what): pairs between keys \(beginning) and \(DamageSearch.words(found)) cannot be read")
    }

    /// Stands on the first pair behind a damaged place that can be read; nil: there is none.
    private func nextReadable(after before: [UInt8]) -> [UInt8]? {
        guard !reverse else { return nil }
        renew()
        rocksdb_iter_seek_to_last(iterator)
        // What a walk from the other end still reads.
        var last: [UInt8]?
        while let key = currentKey, before.lexicographicallyPrecedes(key) {
            last = key
            rocksdb_iter_prev(iterator)
        }
        guard let last else { return nil }
        let found = DamageSearch.nextReadable(after: before, last: last) { place in
            seek(to: place)
            return currentKey
        }
        seek(to: found.place)
        return currentKey
    }

    /// An iterator that has met damage may say so again elsewhere: a new one does not.
    private func renew() {
        rocksdb_iter_destroy(iterator)
        iterator = rocksdb_create_iterator(database, options)
    }

    private func seek(to key: [UInt8]) {
        renew()
        key.withUnsafeBytes { bytes in
            rocksdb_iter_seek(iterator, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
        }
    }

    /// Nil: the iterator stands nowhere.
    private var currentKey: [UInt8]? {
        guard rocksdb_iter_valid(iterator) != 0 else { return nil }
        var length = 0
        return rocksdb_iter_key(iterator, &length).map { key in
            UnsafeBufferPointer(start: key, count: length).map { UInt8(bitPattern: $0) }
        }
    }

    private static func bytes(_ view: hl_view) -> [UInt8] {
        Array(UnsafeBufferPointer(start: view.ptr, count: view.ptr == nil ? 0 : Int(view.len)))
    }

    /// Nil: it does not fit beside those that are there.
    private func copyPair(isFirst: Bool) -> hl_store_pair? {
        var (keyLength, valueLength) = (0, 0)
        let key = rocksdb_iter_key(iterator, &keyLength)
        let value = keysOnly ? nil : rocksdb_iter_value(iterator, &valueLength)
        if used + keyLength + valueLength > block.count {
            guard isFirst else { return nil }
            block.deallocate()
            block = .allocate(byteCount: keyLength + valueLength, alignment: 8)
        }
        return hl_store_pair(key: append(key, keyLength), value: append(value, valueLength))
    }

    private func append(_ bytes: UnsafePointer<CChar>?, _ count: Int) -> hl_view {
        guard let bytes, count > 0, let base = block.baseAddress else { return hl_view() }
        memcpy(base + used, bytes, count)
        defer { used += count }
        return hl_view(ptr: UnsafePointer((base + used).assumingMemoryBound(to: UInt8.self)), len: UInt64(count))
    }

    func end() {
        rocksdb_iter_destroy(iterator)
        rocksdb_readoptions_destroy(options)
    }
}
