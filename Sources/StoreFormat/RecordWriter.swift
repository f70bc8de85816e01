/// Writes keys and values one after the other into one buffer.
///
/// Value: version byte, fields, CRC-32C of key and value before it. Fields: numbers big-endian, strings with their
/// length in four bytes.
struct RecordWriter {
    private(set) var bytes: [UInt8] = []
    /// Where the record at hand begins, and the bytes of its key.
    private var start = 0
    private(set) var keyCount = 0

    /// Forgets everything, and keeps the memory.
    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        keyCount = 0
    }

    /// Appends key and value of `record`.
    mutating func write(_ record: StoreRecord) {
        start = bytes.count
        writeKey(of: record)
        keyCount = bytes.count - start
        bytes.append(StoreFormat.version)
        writeFields(of: record)
        let checksum = bytes.withUnsafeBytes { Checksum.of(UnsafeRawBufferPointer(rebasing: $0[start...])) }
        add(checksum)
    }

    /// Appends a key without a value.
    mutating func write(key: [UInt8]) {
        start = bytes.count
        bytes += key
        keyCount = key.count
    }

    private mutating func writeKey(of record: StoreRecord) {
        switch record {
        case .format: bytes.append(StoreTable.format.rawValue)
        case .message(let id, _): add(.message, id)
        case .group(let number, _): add(.group, number)
        case .session(let clientID, _): add(StoreClient(clientID), .session)
        case .offline(let client, _): add(client, .offline)
        case .will(let client, _): add(client, .will)
        case .subscription(let client, let filter, _, _):
            add(client, .subscription)
            bytes += StoreKey.name(filter, longest: StoreKey.longestFilter)
        case .rewritten(let client, let asked, _):
            add(client, .rewritten)
            bytes += StoreKey.name(asked, longest: StoreKey.longestFilter)
        case .received(let client, let packetID):
            add(client, .received)
            add(packetID)
        case .inflight(let client, let packetID, _, _):
            add(client, .inflight)
            add(packetID)
        case .queued(let client, let delivery):
            add(client, .queued)
            add(delivery.position)
        case .groupQueued(let group, let position, _, _):
            add(.groupQueue, group)
            add(position)
        case .retained(let message, _):
            bytes.append(StoreTable.retained.rawValue)
            bytes += StoreKey.name(message.topic, longest: StoreKey.longestTopic)
        case .handover(let id, _): add(.handover, id)
        }
    }

    private mutating func writeFields(of record: StoreRecord) {
        switch record {
        case .format(let version): add(version)
        case .message(_, let message): add(message)
        case .group(_, let subscription): add(subscription)
        case .session(let clientID, let expiry):
            add(expiry)
            add(clientID)
        case .offline(_, let since): add(UInt64(bitPattern: since))
        case .will(_, let will): add(will)
        case .subscription(_, let filter, let options, let identifier):
            bytes.append(options)
            add(identifier)
            add(filter)
        case .rewritten(_, let asked, let entered):
            add(asked)
            add(entered)
        case .received: break
        case .inflight(_, _, let order, let delivery):
            add(order)
            bytes.append(delivery == nil ? 0 : 1)
            if let delivery { add(delivery) }
        case .queued(_, let delivery): add(delivery)
        case .groupQueued(_, _, let message, let qos):
            add(message)
            bytes.append(qos)
        case .retained(let message, let publisher):
            add(publisher)
            add(message)
        case .handover(_, let handover): add(handover)
        }
    }

    // MARK: Parts

    private mutating func add(_ table: StoreTable, _ number: UInt64) {
        bytes.append(table.rawValue)
        add(number)
    }

    private mutating func add(_ client: StoreClient, _ table: ClientTable) {
        bytes.append(StoreTable.client.rawValue)
        bytes.append(client.isDigest ? 0 : UInt8(truncatingIfNeeded: client.bytes.count))
        bytes += client.bytes
        bytes.append(table.rawValue)
    }

    private mutating func add(_ number: some FixedWidthInteger & UnsignedInteger) {
        withUnsafeBytes(of: number.bigEndian) { bytes += $0 }
    }

    private mutating func add(_ string: [UInt8]) {
        add(UInt32(clamping: string.count))
        bytes += string
    }

    private mutating func add(_ strings: [[UInt8]]) {
        add(UInt32(clamping: strings.count))
        for string in strings { add(string) }
    }

    private mutating func add(_ message: StoredMessage) {
        bytes.append(message.qos | (message.retain ? 0x80 : 0))
        add(UInt64(bitPattern: message.expiresAt))
        add(message.topic)
        add(message.properties)
        add(message.payload)
    }

    private mutating func add(_ delivery: StoredDelivery) {
        bytes.append(delivery.qos | (delivery.retain ? 0x80 : 0))
        add(delivery.message)
        add(delivery.position)
        add(delivery.group)
        add(delivery.size)
        add(UInt64(bitPattern: delivery.expiresAt))
        add(UInt32(clamping: delivery.identifiers.count))
        for identifier in delivery.identifiers { add(identifier) }
    }

    private mutating func add(_ will: StoredWill) {
        add(will.message)
        add(will.delay)
        bytes.append(will.expiry == nil ? 0 : 1)
        add(will.expiry ?? 0)
        add(will.username)
        add(will.groups)
        add(will.account)
        add(Array(will.address.utf8))
        add(Array(will.listener.utf8))
    }

    private mutating func add(_ handover: StoredHandover) {
        add(handover.seed)
        bytes.append(handover.shards)
        bytes.append(handover.target)
        add(handover.group)
        add(handover.removed)
        add(UInt32(clamping: handover.added.count))
        for receiver in handover.added {
            bytes.append(receiver.qos)
            add(receiver.clientID)
        }
        add(handover.message)
    }
}
