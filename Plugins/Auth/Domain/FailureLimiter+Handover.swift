/// Who waits goes on waiting when the plugin gets new code or other settings: the books go to the next generation.
/// Times are of the host's monotonic clock, which both have in common.
extension FailureLimiter {
    /// The number of the form: per record which book (1 address, 2 user), failures, end of the wait and last failure as
    /// eight bytes each, then the key with its length in two. Little-endian.
    static let schema = 1

    private static let recordsPerChunk = 1_000
    private static let headBytes = 1 + 3 * 8 + 2

    /// Everything, or the failures from `moment` on. Records that are gone again are not told of.
    func chunks(since moment: Int64 = .min) -> [[UInt8]] {
        let (addresses, users) = books.withLock { ($0.addresses, $0.users) }
        var chunks: [[UInt8]] = []
        var chunk: [UInt8] = []
        var records = 0
        for (book, entries) in [(UInt8(1), addresses), (2, users)] {
            for (key, record) in entries where record.last >= moment {
                chunk.append(book)
                for number in [Int64(record.failures), record.blockedUntil, record.last] {
                    chunk.append(UInt64(bitPattern: number))
                }
                chunk += [UInt8(truncatingIfNeeded: key.count), UInt8(truncatingIfNeeded: key.count >> 8)]
                chunk += key
                records += 1
                guard records % Self.recordsPerChunk == 0 else { continue }
                chunks.append(chunk)
                chunk.removeAll(keepingCapacity: true)
            }
        }
        return chunk.isEmpty ? chunks : chunks + [chunk]
    }

    /// Takes what ``chunks(since:)`` made.
    /// - Returns: false when it is not understood; what was before stays.
    func take(_ chunk: [UInt8]) -> Bool {
        guard let records = Self.read(chunk) else { return false }
        books.withLock { books in
            for (isAddress, key, record) in records {
                if isAddress {
                    books.addresses[key] = record
                } else {
                    books.users[key] = record
                }
            }
        }
        return true
    }

    private static func read(_ chunk: [UInt8]) -> [(isAddress: Bool, key: [UInt8], record: Record)]? {
        var records: [(isAddress: Bool, key: [UInt8], record: Record)] = []
        var rest = chunk[...]
        while !rest.isEmpty {
            guard rest.count >= headBytes, let book = rest.popFirst(), book == 1 || book == 2,
                let failures = Int(exactly: rest.takeNumber()), (0...1_000).contains(failures)
            else { return nil }
            let blockedUntil = rest.takeNumber()
            let last = rest.takeNumber()
            let length = Int(rest.removeFirst()) | Int(rest.removeFirst()) << 8
            guard rest.count >= length, records.count < maximumRecords * 2 else { return nil }
            let record = Record(failures: failures, blockedUntil: blockedUntil, last: last)
            records.append((book == 1, Array(rest.prefix(length)), record))
            rest = rest.dropFirst(length)
        }
        return records
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ number: UInt64) {
        for byte in 0..<8 { append(UInt8(truncatingIfNeeded: number >> (8 * UInt64(byte)))) }
    }
}

extension ArraySlice<UInt8> {
    /// The first eight bytes, which are there.
    fileprivate mutating func takeNumber() -> Int64 {
        let number = prefix(8).enumerated().reduce(UInt64(0)) { $0 | UInt64($1.element) << (8 * UInt64($1.offset)) }
        self = dropFirst(8)
        return Int64(bitPattern: number)
    }
}
