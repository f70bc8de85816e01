/// One change of a key, as it stands in the file of a store: length and CRC-32C of the body (4 bytes each), then the
/// body: operation, version (8), size of the key (2), key, value. Little endian.
struct KeyValueRecord: Equatable {
    enum Operation: UInt8 {
        case set = 1
        case remove = 2
    }

    var operation: Operation
    var version: UInt64
    var key: [UInt8]
    var value: [UInt8] = []

    static let headerBytes = 8
    private static let fixedBytes = 11

    /// What begins a file: the name and the version of its form.
    static let fileHeader: [UInt8] = Array("HLKV".utf8) + [0, 0, 0, 1]

    /// Appends the record.
    func append(to bytes: inout [UInt8]) {
        var body: [UInt8] = [operation.rawValue]
        body.reserveCapacity(Self.fixedBytes + key.count + value.count)
        body.appendLittleEndian(version, bytes: 8)
        body.appendLittleEndian(UInt64(key.count), bytes: 2)
        body += key
        body += value
        bytes.appendLittleEndian(UInt64(body.count), bytes: 4)
        bytes.appendLittleEndian(UInt64(CRC32C.checksum(body[...])), bytes: 4)
        bytes += body
    }

    /// How far a file could be read.
    enum Reading: Equatable {
        case record(KeyValueRecord, next: Int)
        case end
        /// What follows was being written when the process or the machine ended: it was never acknowledged.
        case torn
        /// Something after this place is a whole record: the file was damaged.
        case damaged
    }

    /// Reads the record at `offset`.
    static func read(_ bytes: [UInt8], at offset: Int) -> Reading {
        if offset == bytes.count { return .end }
        guard let length = bytes.littleEndian(at: offset, bytes: 4).flatMap({ Int(exactly: $0) }),
            let checksum = bytes.littleEndian(at: offset + 4, bytes: 4), length >= fixedBytes,
            length <= bytes.count - offset - headerBytes
        else { return isTorn(bytes, from: offset) ? .torn : .damaged }
        let start = offset + headerBytes
        let body = bytes[start..<(start + length)]
        guard UInt64(CRC32C.checksum(body)) == checksum, let operation = Operation(rawValue: bytes[start]),
            let version = bytes.littleEndian(at: start + 1, bytes: 8),
            let keySize = bytes.littleEndian(at: start + 9, bytes: 2), Int(keySize) <= length - fixedBytes
        else { return start + length == bytes.count || isTorn(bytes, from: offset) ? .torn : .damaged }
        let key = start + fixedBytes
        let value = key + Int(keySize)
        let record = KeyValueRecord(
            operation: operation, version: version, key: Array(bytes[key..<value]),
            value: Array(bytes[value..<(start + length)]))
        return .record(record, next: start + length)
    }

    /// Whether no whole record follows anywhere behind `offset`: then the rest is the end of an interrupted write.
    private static func isTorn(_ bytes: [UInt8], from offset: Int) -> Bool {
        // Damage is rare and files are small: looking at every place is allowed to take its time.
        for place in min(offset + 1, bytes.count)..<bytes.count {
            guard let length = bytes.littleEndian(at: place, bytes: 4).flatMap({ Int(exactly: $0) }),
                length >= fixedBytes, length <= bytes.count - place - headerBytes,
                let checksum = bytes.littleEndian(at: place + 4, bytes: 4)
            else { continue }
            let body = bytes[(place + headerBytes)..<(place + headerBytes + length)]
            if UInt64(CRC32C.checksum(body)) == checksum { return false }
        }
        return true
    }
}

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4), as storage formats use it.
enum CRC32C {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
    }

    static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        var value: UInt32 = ~0
        for byte in bytes { value = table[Int(UInt8(truncatingIfNeeded: value) ^ byte)] ^ value >> 8 }
        return ~value
    }
}

extension [UInt8] {
    fileprivate mutating func appendLittleEndian(_ value: UInt64, bytes: Int) {
        for index in 0..<bytes { append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
    }

    /// Nil beyond the end.
    fileprivate func littleEndian(at offset: Int, bytes: Int) -> UInt64? {
        guard offset >= 0, offset <= count - bytes else { return nil }
        return (0..<bytes).reduce(0) { $0 | UInt64(self[offset + $1]) << UInt64(8 * $1) }
    }
}
