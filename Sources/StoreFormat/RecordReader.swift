extension StoreRecord {
    /// Reads a pair; nothing in it is trusted.
    public init(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) throws(StoreFormatError) {
        guard let first = key.first, let table = StoreTable(rawValue: first) else { throw .unknownKey }
        // Version and checksum are the least there can be.
        guard value.count >= 5 else { throw .checksum }
        let content = UnsafeRawBufferPointer(rebasing: value[..<(value.count - 4)])
        var reader = RecordReader(UnsafeRawBufferPointer(rebasing: value[(value.count - 4)...]))
        let checksum: UInt32 = try reader.number()
        guard Checksum.of(content, after: Checksum.of(key)) == checksum else { throw .checksum }
        guard content[0] <= StoreFormat.version else { throw .newer(version: content[0]) }
        guard content[0] > 0 else { throw .malformed }
        var fields = RecordReader(UnsafeRawBufferPointer(rebasing: content[1...]))
        var name = RecordReader(UnsafeRawBufferPointer(rebasing: key[1...]))
        self = try Self.read(table, &name, &fields)
        guard fields.isAtEnd, name.isAtEnd else { throw .malformed }
    }

    /// As above, for arrays.
    public init(key: [UInt8], value: [UInt8]) throws(StoreFormatError) {
        let read: Result<StoreRecord, StoreFormatError> = key.withUnsafeBytes { key in
            value.withUnsafeBytes { value in
                do throws(StoreFormatError) {
                    return .success(try StoreRecord(key: key, value: value))
                } catch {
                    return .failure(error)
                }
            }
        }
        self = try read.get()
    }

    private static func read(
        _ table: StoreTable, _ name: inout RecordReader, _ fields: inout RecordReader
    ) throws(StoreFormatError) -> StoreRecord {
        switch table {
        case .format: return .format(version: try fields.number())
        case .message: return .message(id: try name.number(), try fields.message())
        case .group: return .group(number: try name.number(), subscription: try fields.string())
        case .client: return try readClient(&name, &fields)
        case .groupQueue:
            return .groupQueued(
                group: try name.number(), position: try name.number(), message: try fields.number(),
                qos: try fields.qos())
        case .retained:
            let publisher = try fields.string()
            let message = try fields.message()
            try name.check(message.topic, longest: StoreKey.longestTopic)
            return .retained(message, publisher: publisher)
        case .handover: return .handover(id: try name.number(), try fields.handover())
        }
    }

    private static func readClient(
        _ name: inout RecordReader, _ fields: inout RecordReader
    ) throws(StoreFormatError) -> StoreRecord {
        let length = Int(try name.byte())
        let client = StoreClient(bytes: try name.bytes(length == 0 ? Digest.size : length), isDigest: length == 0)
        guard let table = ClientTable(rawValue: try name.byte()) else { throw .unknownKey }
        switch table {
        case .session:
            let expiry: UInt32 = try fields.number()
            let clientID = try fields.string()
            guard StoreClient(clientID) == client else { throw .malformed }
            return .session(clientID: clientID, expiry: expiry)
        case .offline: return .offline(client, since: Int64(bitPattern: try fields.number()))
        case .will: return .will(client, try fields.will())
        case .subscription:
            let options = try fields.byte()
            let identifier: UInt32 = try fields.number()
            let filter = try fields.string()
            try name.check(filter, longest: StoreKey.longestFilter)
            return .subscription(client, filter: filter, options: options, identifier: identifier)
        case .rewritten:
            let asked = try fields.string()
            try name.check(asked, longest: StoreKey.longestFilter)
            return .rewritten(client, asked: asked, entered: try fields.string())
        case .received: return .received(client, packetID: try name.number())
        case .inflight:
            let packetID: UInt16 = try name.number()
            let order: UInt64 = try fields.number()
            let delivery = try fields.byte() == 0 ? nil : try fields.delivery()
            return .inflight(client, packetID: packetID, order: order, delivery)
        case .queued:
            let position: UInt64 = try name.number()
            let delivery = try fields.delivery()
            guard delivery.position == position else { throw .malformed }
            return .queued(client, delivery)
        }
    }
}

/// Takes fields off the front of bytes that may be anything.
struct RecordReader {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    mutating func byte() throws(StoreFormatError) -> UInt8 {
        guard position < bytes.count else { throw .malformed }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func number<Number: FixedWidthInteger & UnsignedInteger>() throws(StoreFormatError) -> Number {
        let size = MemoryLayout<Number>.size
        guard bytes.count - position >= size else { throw .malformed }
        defer { position += size }
        return Number(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: Number.self))
    }

    mutating func bytes(_ count: Int) throws(StoreFormatError) -> [UInt8] {
        guard count >= 0, bytes.count - position >= count else { throw .malformed }
        defer { position += count }
        return Array(bytes[position..<position + count])
    }

    mutating func string() throws(StoreFormatError) -> [UInt8] {
        let count: UInt32 = try number()
        return try bytes(Int(count))
    }

    mutating func strings() throws(StoreFormatError) -> [[UInt8]] {
        let count: UInt32 = try number()
        var strings: [[UInt8]] = []
        for _ in 0..<count { strings.append(try string()) }
        return strings
    }

    mutating func qos() throws(StoreFormatError) -> UInt8 {
        let qos = try byte()
        guard qos <= 2 else { throw .malformed }
        return qos
    }

    private mutating func qosAndRetain() throws(StoreFormatError) -> (qos: UInt8, retain: Bool) {
        let flags = try byte()
        guard flags & 0x7f <= 2 else { throw .malformed }
        return (flags & 0x7f, flags & 0x80 != 0)
    }

    /// What is left must be how a key ends with `name`.
    mutating func check(_ name: [UInt8], longest: Int) throws(StoreFormatError) {
        guard bytes[position...].elementsEqual(StoreKey.name(name, longest: longest)) else { throw .malformed }
        position = bytes.count
    }

    mutating func message() throws(StoreFormatError) -> StoredMessage {
        let (qos, retain) = try qosAndRetain()
        let expiresAt = Int64(bitPattern: try number())
        let topic = try string()
        let properties = try string()
        let payload = try string()
        return StoredMessage(
            topic: topic, properties: properties, payload: payload, qos: qos, retain: retain, expiresAt: expiresAt)
    }

    mutating func delivery() throws(StoreFormatError) -> StoredDelivery {
        let (qos, retain) = try qosAndRetain()
        var delivery = StoredDelivery(message: try number(), qos: qos, retain: retain)
        delivery.position = try number()
        delivery.group = try number()
        delivery.size = try number()
        delivery.expiresAt = Int64(bitPattern: try number())
        let count: UInt32 = try number()
        for _ in 0..<count { delivery.identifiers.append(try number()) }
        return delivery
    }

    mutating func will() throws(StoreFormatError) -> StoredWill {
        let message = try message()
        let delay: UInt32 = try number()
        let expires = try byte() != 0
        let expiry: UInt32 = try number()
        let username = try string()
        let groups = try strings()
        let account = try string()
        let address = String(decoding: try string(), as: UTF8.self)
        let listener = String(decoding: try string(), as: UTF8.self)
        return StoredWill(
            message: message, delay: delay, expiry: expires ? expiry : nil, username: username, groups: groups,
            account: account, address: address, listener: listener)
    }

    mutating func handover() throws(StoreFormatError) -> StoredHandover {
        let seed: UInt64 = try number()
        let shards = try byte()
        let target = try byte()
        let group: UInt64 = try number()
        let removed = try strings()
        let count: UInt32 = try number()
        var added: [StoredReceiver] = []
        for _ in 0..<count {
            let qos = try qos()
            added.append(StoredReceiver(clientID: try string(), qos: qos))
        }
        return StoredHandover(
            seed: seed, shards: shards, target: target, group: group, removed: removed, added: added,
            message: try message())
    }
}
