import MQTTCodec
import Testing

/// One PUBLISH read the way the broker does: header, topic, properties.
struct BorrowedPublish {
    let header: PublishHeader
    let properties: PublishProperties
    /// What ``PublishProperties/copyForwardable(block:into:)`` makes of the block.
    let forwardable: [UInt8]
    let userProperties: [(name: ByteRange, value: ByteRange)]

    static func read(
        _ bytes: [UInt8], _ version: ProtocolVersion, _ role: PacketRole
    ) throws(DecodeError) -> BorrowedPublish {
        let result = withExactBytes(bytes) { raw in
            Result { () throws(DecodeError) in try read(raw, version, role) }
        }
        return try result.get()
    }

    private static func read(
        _ raw: UnsafeRawBufferPointer, _ version: ProtocolVersion, _ role: PacketRole
    ) throws(DecodeError) -> BorrowedPublish {
        guard let start = raw.baseAddress,
            case .frame(let length, let bodyOffset) = FrameScan.scan(
                start, count: raw.count, maximumPacketSize: .max, minimal: version == .v5_0)
        else { throw DecodeError(.truncated, .fixedHeader, at: 0, version: version) }
        let header = try PublishHeader.parse(
            frame: start, length: length, bodyOffset: bodyOffset, version: version)
        if header.topicLength > 0,
            let kind = TopicName.validate(start + header.topicOffset, count: header.topicLength)
        {
            throw DecodeError(kind, .topicName, at: header.topicOffset - 2, version: version)
        }
        let properties = try PublishProperties.parse(frame: start, header: header, role: role)
        let block = UnsafeRawBufferPointer(
            start: start + header.propertiesOffset, count: header.propertiesLength)
        return BorrowedPublish(
            header: header, properties: properties, forwardable: copyForwardable(block),
            userProperties: Array(UserPropertySequence(frame: start, header: header)))
    }

    static func copyForwardable(_ block: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: max(block.count, 1)) { target, count in
            guard let start = target.baseAddress else { return }
            count = PublishProperties.copyForwardable(block: block, into: start)
        }
    }
}

private func isPublish(_ entry: PacketCase) -> Bool {
    entry.bytes.first.map { $0 >> 4 } == PacketType.publish.rawValue
}

@Suite struct PublishHotPathTests {
    @Test(arguments: PacketCase.accepted.filter(isPublish))
    func offsetsNameTheSameContentAsTheValue(entry: PacketCase) throws {
        guard case .publish(let publish) = entry.packet else { return }
        let borrowed = try BorrowedPublish.read(entry.bytes, entry.version, entry.role)
        let header = borrowed.header
        func content(_ range: ByteRange?) -> [UInt8]? {
            range.map { Array(entry.bytes[$0.offset..<($0.offset + $0.length)]) }
        }
        #expect(content(ByteRange(offset: header.topicOffset, length: header.topicLength)) == publish.topic)
        #expect(content(ByteRange(offset: header.payloadOffset, length: header.payloadLength)) == publish.payload)
        #expect(header.payloadOffset + header.payloadLength == entry.bytes.count)
        #expect(header.qos == publish.qos)
        #expect(header.dup == publish.dup)
        #expect(header.retain == publish.retain)
        #expect(header.packetID == publish.packetID)

        let expected = publish.properties
        let properties = borrowed.properties
        #expect(properties.payloadFormatIndicator == expected.payloadFormatIndicator)
        #expect(properties.messageExpiryInterval == expected.messageExpiryInterval)
        #expect(properties.topicAlias == expected.topicAlias)
        #expect(content(properties.responseTopic) == expected.responseTopic)
        #expect(content(properties.correlationData) == expected.correlationData)
        #expect(content(properties.contentType) == expected.contentType)
        #expect(properties.subscriptionIdentifierCount == expected.subscriptionIdentifiers.count)
        #expect(properties.userPropertyCount == expected.userProperties.count)
        #expect(
            borrowed.userProperties.map { UserProperty(name: content($0.name)!, value: content($0.value)!) }
                == expected.userProperties)
        if properties.userPropertyCount > 0 {
            #expect(entry.bytes[properties.firstUserPropertyOffset] == 0x26)
        }
    }

    @Test(arguments: PacketCase.refused.filter(isPublish))
    func theHotPathRefusesWhatTheTableRefuses(entry: PacketCase) {
        guard case .error(let kind, let offset, _) = entry.expectation else { return }
        do throws(DecodeError) {
            _ = try BorrowedPublish.read(entry.bytes, entry.version, entry.role)
            Issue.record("accepted")
        } catch {
            #expect(error.kind == kind)
            #expect(error.offset == offset)
        }
    }

    @Test(arguments: PacketCase.accepted.filter(isPublish))
    func forwardingKeepsAllButExpiryAliasAndSubscriptionIdentifiersInOrder(entry: PacketCase) throws {
        guard case .publish(let publish) = entry.packet, entry.version == .v5_0 else { return }
        let borrowed = try BorrowedPublish.read(entry.bytes, entry.version, entry.role)
        #expect(borrowed.forwardable.count == borrowed.properties.forwardableLength)
        let length = borrowed.forwardable.count
        let prefix = length < 128 ? [UInt8(length)] : [UInt8(length & 0x7F) | 0x80, UInt8(length >> 7)]
        let packet = frame(0x30, wire("0001 't'") + prefix + borrowed.forwardable)
        var expected = publish.properties
        expected.messageExpiryInterval = nil
        expected.topicAlias = nil
        expected.subscriptionIdentifiers = []
        #expect(try decode(packet, .v5_0, .fromClient) == .publish(Publish(topic: utf8("t"), properties: expected)))
    }

    @Test func forwardingLeavesGapsOutWhereverTheyAre() {
        let alias = "23 0007"
        let expiry = "02 0000000A"
        let identifier = "0B 8001"
        let user = "26 0001 'k' 0001 'v'"
        let type = "03 0001 'x'"
        for (block, kept) in [
            ("", ""), (alias, ""), (user, user), (user + alias, user), (alias + user, user),
            (user + expiry + type, user + type), (alias + user + identifier + identifier + type + expiry, user + type),
            (user + user + alias + user, user + user + user),
        ] {
            let bytes = wire(block)
            let copy = withExactBytes(bytes) { BorrowedPublish.copyForwardable($0) }
            #expect(copy == wire(kept), "\(block)")
        }
    }

    @Test func forwardingAnUncheckedBlockStopsAtTheFirstByteThatIsNoProperty() {
        for (block, kept) in [
            ("01 01 7E 00", "01 01"), ("01 01 23 00", "01 01"), ("01 01 26 0001 'k' 0009 'v'", "01 01"),
            ("03 0004 'x'", ""), ("0B 808080", ""), ("26 00", ""), ("01", ""), ("02 000000", ""),
        ] {
            let copy = withExactBytes(wire(block)) { BorrowedPublish.copyForwardable($0) }
            #expect(copy == wire(kept), "\(block)")
        }
    }

    @Test func anEmptyBlockHasNoProperties() {
        let properties = PublishProperties()
        #expect(properties.topicAlias == nil)
        #expect(properties.forwardableLength == 0)
        #expect(PublishProperties.copyForwardable(block: .init(start: nil, count: 0), into: scratch) == 0)
    }

    /// Nothing is written to it.
    private var scratch: UnsafeMutablePointer<UInt8> { UnsafeMutablePointer(bitPattern: 1)! }
}

@Suite struct AckHotPathTests {
    private func parse(_ bytes: [UInt8], _ version: ProtocolVersion) -> Result<AckHeader, DecodeError> {
        withExactBytes(bytes) { raw in
            Result { () throws(DecodeError) in
                guard let start = raw.baseAddress,
                    case .frame(let length, let bodyOffset) = FrameScan.scan(
                        start, count: raw.count, maximumPacketSize: .max)
                else { throw DecodeError(.truncated, .fixedHeader, at: 0, version: version) }
                return try AckHeader.parse(frame: start, length: length, bodyOffset: bodyOffset, version: version)
            }
        }
    }

    @Test(arguments: PacketCase.acks)
    func readingAgreesWithTheTable(entry: PacketCase) throws {
        switch (entry.expectation, parse(entry.bytes, entry.version)) {
        case (.packet(let packet), .success(let header)):
            let ack = try #require(packet.ack)
            #expect(header.type == packet.type)
            #expect(header.packetID == ack.packetID)
            #expect(header.reason == ack.reason)
            #expect((header.properties.length > 0) == !ack.properties.isEmpty)
            #expect(header.properties.offset + header.properties.length == entry.bytes.count)
        case (.error(let kind, let offset, _), .failure(let error)):
            #expect(error.kind == kind)
            #expect(error.offset == offset)
        case (_, let result): Issue.record("got \(result)")
        }
    }

    @Test func otherPacketTypesAreNotAcknowledgements() {
        for bytes in ["30 03 0001 't'", "20 02 0000", "82 02 0001", "00 02 0001"] {
            guard case .failure(let error) = parse(wire(bytes), .v5_0) else {
                Issue.record("\(bytes) was accepted")
                continue
            }
            #expect(error.kind == .unexpectedPacket)
        }
    }

    @Test(
        arguments: [PacketType.puback, .pubrec, .pubrel, .pubcomp],
        [ReasonCode.success, .packetIdentifierNotFound, .noMatchingSubscribers])
    func writingGivesTheBytesOfTheValue(type: PacketType, reason: ReasonCode) {
        for version in ProtocolVersion.allCases {
            for packetID in [1, 255, 256, 65535] as [UInt16] {
                let bytes = [UInt8](unsafeUninitializedCapacity: maximumAckSize) { target, count in
                    guard let start = target.baseAddress else { return }
                    count = writeAck(type: type, packetID: packetID, reason: reason, version: version, to: start)
                }
                var writer = ByteWriter()
                Ack(packetID: packetID, reason: reason).encode(into: &writer, type: type, version: version)
                #expect(bytes == writer.bytes)
            }
        }
    }
}

extension Packet {
    /// The content of one of the four acknowledgements of PUBLISH.
    var ack: Ack? {
        switch self {
        case .puback(let ack), .pubrec(let ack), .pubrel(let ack), .pubcomp(let ack): ack
        default: nil
        }
    }
}
