// HOT PATH: once per 5.0 PUBLISH that has properties and is handed on; no allocation.

extension PublishProperties {
    /// Copies what a Server forwards unaltered ([MQTT-3.3.2-4], [MQTT-3.3.2-15] to [MQTT-3.3.2-20]): the block without
    /// Message Expiry Interval, Topic Alias and Subscription Identifiers, which ``PublishEncoder`` writes anew for each
    /// receiver. The order of what remains is kept [MQTT-3.3.2-18].
    /// - Parameters:
    ///   - block: properties that ``parse(frame:header:role:)`` accepted, without their length.
    ///   - target: room for ``forwardableLength`` bytes (never more than the block has).
    /// - Returns: the number of bytes written.
    public static func copyForwardable(block: UnsafeRawBufferPointer, into target: UnsafeMutablePointer<UInt8>) -> Int {
        guard let source = block.baseAddress else { return 0 }
        var walk = PropertyWalk(block)
        var written = 0
        var runStart = 0
        while let property = walk.next() {
            switch property.id {
            case .messageExpiryInterval, .topicAlias, .subscriptionIdentifier:
                written += copy(source, from: runStart, to: property.start, target + written)
                runStart = property.end
            default: break
            }
        }
        return written + copy(source, from: runStart, to: walk.position, target + written)
    }

    /// Whether `block`, from whoever, is one that ``copyForwardable(block:into:)`` may have written: properties of a
    /// PUBLISH, checked as those of a Client are, without the three that belong to one hop. Empty: yes.
    public static func isForwardable(_ block: UnsafeRawBufferPointer) -> Bool {
        guard let base = block.baseAddress, block.count > 0 else { return true }
        let bytes = UnsafeByteReader(frame: base, from: 0, to: block.count, version: .v5_0, packet: .publish)
        var source = UnsafePropertyReader(bytes, in: .publish, from: .fromClient)
        do throws(DecodeError) {
            while let value = try source.next() {
                switch value.id {
                case .messageExpiryInterval, .topicAlias, .subscriptionIdentifier: return false
                default: break
                }
            }
            return true
        } catch {
            return false
        }
    }

    private static func copy(
        _ source: UnsafeRawPointer, from start: Int, to end: Int, _ target: UnsafeMutablePointer<UInt8>
    ) -> Int {
        guard end > start else { return 0 }
        UnsafeMutableRawPointer(target).copyMemory(from: source + start, byteCount: end - start)
        return end - start
    }
}

/// Steps over the properties of a block by their lengths alone. Ends at the first byte that cannot be a property, so a
/// block that was never checked is read to there and no further.
public struct PropertyWalk {
    private let block: UnsafeRawBufferPointer
    /// Offset in the block of the property that comes next.
    public private(set) var position = 0

    /// - Parameter block: properties without their length; borrowed as long as the walk is used.
    public init(_ block: UnsafeRawBufferPointer) { self.block = block }

    /// The next property: from its identifier to the byte after its value, which lies within the block.
    public mutating func next() -> (id: PropertyID, start: Int, end: Int)? {
        guard position < block.count, let id = PropertyID(rawValue: block[position]) else { return nil }
        let start = position
        guard let end = endOfValue(id, from: start + 1), end <= block.count else { return nil }
        position = end
        return (id, start, end)
    }

    private func endOfValue(_ id: PropertyID, from offset: Int) -> Int? {
        switch id.row.type {
        case .boolean: offset + 1
        case .twoByteInteger, .positiveTwoByteInteger: offset + 2
        case .fourByteInteger, .positiveFourByteInteger: offset + 4
        case .positiveVariableByteInteger:
            (offset..<min(offset + 4, block.count)).first { block[$0] < 0x80 }.map { $0 + 1 }
        case .string, .topicName, .binary: endOfPrefixed(offset)
        case .stringPair: endOfPrefixed(offset).flatMap { endOfPrefixed($0) }
        }
    }

    private func endOfPrefixed(_ offset: Int) -> Int? {
        guard offset + 2 <= block.count else { return nil }
        return offset + 2 + Int(block[offset]) << 8 + Int(block[offset + 1])
    }
}

/// The User Properties of a PUBLISH, in order, as places in the packet.
public struct UserPropertySequence: Sequence, IteratorProtocol {
    private let frame: UnsafeRawPointer
    private var walk: PropertyWalk
    private let base: Int

    /// - Parameters:
    ///   - frame: first byte of the packet; borrowed as long as the sequence is used.
    ///   - header: of a packet whose properties ``PublishProperties/parse(frame:header:role:)`` accepted.
    public init(frame: UnsafeRawPointer, header: PublishHeader) {
        self.frame = frame
        base = header.propertiesOffset
        walk = PropertyWalk(UnsafeRawBufferPointer(start: frame + base, count: header.propertiesLength))
    }

    /// The next pair, with offsets from the start of the packet.
    public mutating func next() -> (name: ByteRange, value: ByteRange)? {
        while let property = walk.next() {
            guard property.id == .userProperty else { continue }
            let name = prefixed(at: base + property.start + 1)
            return (name, prefixed(at: name.offset + name.length))
        }
        return nil
    }

    private func prefixed(at offset: Int) -> ByteRange {
        let length = UInt16(bigEndian: frame.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
        return ByteRange(offset: offset + 2, length: Int(length))
    }
}
