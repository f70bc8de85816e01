import MQTTCodec
import Testing

/// A PUBLISH written as the broker does: measured, header written, payload copied.
private func encode(
    _ publish: Publish, _ version: ProtocolVersion, forwardable: [UInt8] = [], packetID: UInt16? = nil
) -> (bytes: [UInt8], packetIDOffset: Int) {
    publish.properties.subscriptionIdentifiers.withUnsafeBufferPointer { identifiers in
        forwardable.withUnsafeBytes { forwardable in
            publish.topic.withUnsafeBytes { topic in
                let properties = PublishEncoder.PropertySet(
                    messageExpiryInterval: publish.properties.messageExpiryInterval,
                    topicAlias: publish.properties.topicAlias, subscriptionIdentifiers: identifiers,
                    forwardable: forwardable)
                let size = PublishEncoder.size(
                    version: version, topicLength: topic.count, qos: publish.qos, propertyBytes: properties.size,
                    payloadLength: publish.payload.count)
                var packetIDOffset = 0
                let header = [UInt8](unsafeUninitializedCapacity: size) { target, count in
                    guard let start = target.baseAddress else { return }
                    let written = PublishEncoder.writeHeader(
                        to: start, version: version, qos: publish.qos, dup: publish.dup, retain: publish.retain,
                        topic: topic, packetID: packetID ?? publish.packetID, properties: properties,
                        payloadLength: publish.payload.count)
                    count = written.length
                    packetIDOffset = written.packetIDOffset
                }
                #expect(header.count + publish.payload.count == size)
                return (header + publish.payload, packetIDOffset)
            }
        }
    }
}

@Suite struct PublishEncoderTests {
    @Test(arguments: ProtocolVersion.allCases, [0, 1, 2] as [UInt8])
    func writesTheBytesOfTheValue(version: ProtocolVersion, qos: UInt8) {
        for payload in [0, 1, 100, 120, 127, 128, 16_370, 16_384, 2_097_152] {
            for topic in [1, 50, 127, 128, 300] {
                for retain in [false, true] {
                    let publish = Publish(
                        topic: [UInt8](repeating: 0x74, count: topic), payload: [UInt8](repeating: 7, count: payload),
                        qos: qos, dup: qos > 0 && retain, retain: retain, packetID: qos > 0 ? 0x1234 : 0)
                    #expect(encode(publish, version).bytes == Packet.publish(publish).encode(version: version))
                }
            }
        }
    }

    @Test func writesWhatTheServerAddsBeforeWhatItForwards() throws {
        let publish = Publish(
            topic: utf8("a/b"), payload: utf8("hi"), qos: 1, retain: true, packetID: 9,
            properties: Properties {
                $0.messageExpiryInterval = 0x01020304
                $0.topicAlias = 0x0A0B
                $0.subscriptionIdentifiers = [1, 128, 268_435_455]
                $0.userProperties = [UserProperty("k", "v")]
                $0.contentType = utf8("x")
            })
        let bytes = encode(publish, .v5_0, forwardable: wire("26 0001 'k' 0001 'v' 03 0001 'x'")).bytes
        #expect(
            bytes
                == wire(
                    "33 27 0003 'a/b' 0009 1D 02 01020304 23 0A0B 0B 01 0B 8001 0B FFFFFF7F"
                        + "26 0001 'k' 0001 'v' 03 0001 'x' 'hi'"))
        #expect(try decode(bytes, .v5_0, .fromServer) == .publish(publish))
    }

    @Test func propertiesAreNotWrittenInVersion3() {
        let publish = Publish(
            topic: utf8("t"), payload: utf8("x"),
            properties: Properties {
                $0.messageExpiryInterval = 1
                $0.topicAlias = 2
            })
        #expect(encode(publish, .v3_1_1, forwardable: wire("01 01")).bytes == wire("30 04 0001 't' 'x'"))
    }

    @Test func aPropertyBlockOf128BytesHasATwoByteLength() throws {
        for count in 120...135 {
            let publish = Publish(
                topic: utf8("t"), payload: utf8("x"),
                properties: Properties { $0.correlationData = [UInt8](repeating: 1, count: count - 3) })
            let forwardable = wire("09") + [0, UInt8(count - 3)] + [UInt8](repeating: 1, count: count - 3)
            #expect(
                try decode(encode(publish, .v5_0, forwardable: forwardable).bytes, .v5_0, .fromServer)
                    == .publish(publish))
        }
    }

    @Test(arguments: ProtocolVersion.allCases)
    func onePacketServesManyReceiversWithThePacketIdentifierPatched(version: ProtocolVersion) throws {
        var publish = Publish(topic: utf8("a/b"), payload: utf8("hi"), qos: 2)
        var (bytes, offset) = encode(publish, version, packetID: 0)
        for packetID in [1, 255, 256, 65535] as [UInt16] {
            bytes.withUnsafeMutableBufferPointer { buffer in
                guard let start = buffer.baseAddress else { return }
                PublishEncoder.patch(packetID: packetID, in: start, at: offset)
            }
            publish.packetID = packetID
            #expect(try decode(bytes, version, .fromServer) == .publish(publish))
        }
        bytes.withUnsafeMutableBufferPointer { buffer in
            if let start = buffer.baseAddress { PublishEncoder.setDup(in: start) }
        }
        publish.dup = true
        #expect(try decode(bytes, version, .fromServer) == .publish(publish))
    }

    @Test func qos0HasNoPacketIdentifierToPatch() {
        #expect(encode(Publish(topic: utf8("t")), .v5_0).packetIDOffset == 0)
    }

    @Test func theLargestPacketIsTheFixedHeaderAndTheLargestRemainingLength() {
        let size = PublishEncoder.size(
            version: .v3_1_1, topicLength: 1, qos: 0, propertyBytes: 0, payloadLength: 268_435_455 - 3)
        #expect(size == PublishEncoder.maximumPacketSize)
        #expect(size == 268_435_460)
    }
}
