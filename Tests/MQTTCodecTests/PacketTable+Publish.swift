import MQTTCodec

extension PacketCase {
    static let publish: [PacketCase] = [
        accept(
            "PUBLISH QoS 0", .v3_1_1, .fromClient, "30 07 0003 'a/b' 'hi'",
            .publish(Publish(topic: utf8("a/b"), payload: utf8("hi")))),
        accept(
            "PUBLISH QoS 0, retained, no payload", .v3_1_1, .fromServer, "31 03 0001 't'",
            .publish(Publish(topic: utf8("t"), retain: true))),
        accept(
            "PUBLISH QoS 1", .v3_1_1, .fromClient, "32 06 0001 't' 0001 'x'",
            .publish(Publish(topic: utf8("t"), payload: utf8("x"), qos: 1, packetID: 1))),
        accept(
            "PUBLISH QoS 2, DUP, retained", .v3_1_1, .fromServer, "3D 05 0001 't' FFFF",
            .publish(Publish(topic: utf8("t"), qos: 2, dup: true, retain: true, packetID: 65535))),
        accept(
            "PUBLISH QoS 0", .v5_0, .fromClient, "30 08 0003 'a/b' 00 'hi'",
            .publish(Publish(topic: utf8("a/b"), payload: utf8("hi")))),
        accept(
            "PUBLISH QoS 1 with all properties", .v5_0, .fromClient,
            "32 39 0003 'a/b' 0102"
                + "31 01 01  02 0000003C  03 0004 'json'  08 0003 'r/t'  09 0003 0001FF  23 0007"
                + "26 0001 'z' 0001 '1'  26 0001 'a' 0001 '2'  26 0001 'z' 0000",
            .publish(
                Publish(
                    topic: utf8("a/b"), qos: 1, packetID: 258,
                    properties: Properties {
                        $0.payloadFormatIndicator = 1
                        $0.messageExpiryInterval = 60
                        $0.contentType = utf8("json")
                        $0.responseTopic = utf8("r/t")
                        $0.correlationData = [0, 1, 0xFF]
                        $0.topicAlias = 7
                        $0.userProperties = [UserProperty("z", "1"), UserProperty("a", "2"), UserProperty("z", "")]
                    }))),
        accept(
            "PUBLISH with Subscription Identifiers of each size", .v5_0, .fromServer,
            "30 14 0001 't' 0E 0B 7F  0B 8001  0B FFFF7F  0B FFFFFF7F 'ok'",
            .publish(
                Publish(
                    topic: utf8("t"), payload: utf8("ok"),
                    properties: Properties {
                        $0.subscriptionIdentifiers = [127, 128, 2_097_151, 268_435_455]
                    }))),
        accept(
            "PUBLISH with Topic Alias in place of the topic", .v5_0, .fromClient, "30 07 0000 03 23 0001 'x'",
            .publish(
                Publish(topic: [], payload: utf8("x"), properties: Properties { $0.topicAlias = 1 }))),
        accept(
            "PUBLISH with text of all lengths of UTF-8", .v5_0, .fromServer, "30 0E 000A 'é€𝄞x' 00 'x'",
            .publish(Publish(topic: utf8("é€𝄞x"), payload: utf8("x")))),
        accept(
            "PUBLISH of 128 bytes", .v3_1_1, .fromServer,
            "30 8001 0001 't' '" + String(repeating: "p", count: 125) + "'",
            .publish(Publish(topic: utf8("t"), payload: [UInt8](repeating: 0x70, count: 125)))),
        accept(
            "PUBLISH with properties of 128 bytes", .v5_0, .fromServer,
            "30 8501 0001 't' 8001 09 007D '" + String(repeating: "c", count: 125) + "'",
            .publish(
                Publish(
                    topic: utf8("t"),
                    properties: Properties { $0.correlationData = [UInt8](repeating: 0x63, count: 125) }))),
        accept(
            "PUBLISH of 3.1.1 with a padded Remaining Length", .v3_1_1, .fromClient, "30 838000 0001 't'",
            isShortest: false, .publish(Publish(topic: utf8("t")))),
    ]

    static let publishErrors: [PacketCase] = [
        refuse("QoS 3 [MQTT-3.3.1-4]", .v3_1_1, .fromClient, "36 05 0001 't' 0001", .invalidQoS, at: 0),
        refuse("QoS 3 [MQTT-3.3.1-4]", .v5_0, .fromServer, "36 06 0001 't' 0001 00", .invalidQoS, at: 0),
        refuse("DUP with QoS 0 [MQTT-3.3.1-2]", .v3_1_1, .fromClient, "38 03 0001 't'", .duplicateFlagOnQoS0, at: 0),
        refuse("DUP with QoS 0 [MQTT-3.3.1-2]", .v5_0, .fromClient, "38 04 0001 't' 00", .duplicateFlagOnQoS0, at: 0),
        refuse(
            "Packet Identifier 0 [MQTT-2.3.1-1]", .v3_1_1, .fromClient, "32 05 0001 't' 0000", .zeroPacketID, at: 5,
            .protocolError),
        refuse(
            "Packet Identifier 0 [MQTT-2.2.1-3]", .v5_0, .fromClient, "34 06 0001 't' 0000 00", .zeroPacketID, at: 5,
            .protocolError),
        refuse("nothing at all", .v3_1_1, .fromClient, "30 00", .truncated, at: 2),
        refuse("half a topic length", .v5_0, .fromClient, "30 01 00", .truncated, at: 2),
        refuse("topic runs past the end", .v5_0, .fromClient, "30 03 0002 't'", .truncated, at: 2),
        refuse("Packet Identifier is missing", .v3_1_1, .fromClient, "32 04 0001 't' 00", .truncated, at: 5),
        refuse("Property Length is missing", .v5_0, .fromClient, "32 05 0001 't' 0001", .truncated, at: 7),
        refuse("Property Length runs past the end", .v5_0, .fromClient, "30 05 0001 't' 02 01", .truncated, at: 5),
        refuse(
            "Property Length is not minimal [MQTT-1.5.5-1]", .v5_0, .fromClient, "30 05 0001 't' 8000",
            .variableByteIntegerNotMinimal, at: 5),
        refuse(
            "Property Length of five bytes [MQTT-1.5.5-1]", .v5_0, .fromClient, "30 08 0001 't' 8080808000",
            .variableByteIntegerTooLong, at: 5),
        refuse(
            "empty topic [MQTT-4.7.3-1]", .v3_1_1, .fromClient, "30 03 0000 'x'", .emptyTopicName, at: 2,
            .protocolError),
        refuse(
            "empty topic and no properties [MQTT-4.7.3-1]", .v5_0, .fromClient, "30 03 0000 00", .emptyTopicName,
            at: 2, .protocolError),
        refuse(
            "empty topic and no alias [MQTT-4.7.3-1]", .v5_0, .fromClient, "30 05 0000 02 01 00", .emptyTopicName,
            at: 2, .protocolError),
        refuse(
            "topic with + [MQTT-3.3.2-2]", .v3_1_1, .fromClient, "30 05 0003 'a/+'", .wildcardInTopicName, at: 2,
            .protocolError),
        refuse(
            "topic with # [MQTT-3.3.2-2]", .v5_0, .fromClient, "30 10 000D 'long/enough/#' 00", .wildcardInTopicName,
            at: 2, .protocolError),
        refuse("topic with U+0000 [MQTT-1.5.3-2]", .v3_1_1, .fromClient, "30 04 0002 6100", .nullCharacter, at: 2),
        refuse(
            "topic with a surrogate [MQTT-3.3.2-1]", .v5_0, .fromClient, "30 06 0003 EDBFBF 00", .invalidUTF8, at: 2),
        refuse(
            "Topic Alias 0 [MQTT-3.3.2-8]", .v5_0, .fromClient, "30 07 0001 't' 03 23 0000", .zeroTopicAlias, at: 7,
            .topicAliasInvalid),
        refuse(
            "Payload Format Indicator 2", .v5_0, .fromClient, "30 06 0001 't' 02 01 02", .propertyOutOfRange, at: 7,
            .protocolError),
        refuse(
            "Subscription Identifier from a Client [MQTT-3.3.4-6]", .v5_0, .fromClient, "30 06 0001 't' 02 0B 01",
            .subscriptionIdentifierFromClient, at: 6, .protocolError),
        refuse(
            "Subscription Identifier 0", .v5_0, .fromServer, "30 06 0001 't' 02 0B 00", .propertyOutOfRange, at: 7,
            .protocolError),
        refuse(
            "Response Topic with a wildcard [MQTT-3.3.2-14]", .v5_0, .fromClient, "30 08 0001 't' 04 08 0001 '#'",
            .wildcardInTopicName, at: 7, .protocolError),
        refuse(
            "Response Topic is empty [MQTT-4.7.3-1]", .v5_0, .fromClient, "30 07 0001 't' 03 08 0000",
            .emptyTopicName, at: 7, .protocolError),
        refuse(
            "Content Type with ill-formed UTF-8 [MQTT-3.3.2-19]", .v5_0, .fromClient, "30 08 0001 't' 04 03 0001 80",
            .invalidUTF8, at: 7),
        refuse(
            "property of another packet", .v5_0, .fromClient, "30 07 0001 't' 03 21 0001", .propertyNotAllowed, at: 6),
        refuse("unknown property", .v5_0, .fromClient, "30 06 0001 't' 02 7E 00", .unknownProperty, at: 6),
        refuse("property identifier above 255", .v5_0, .fromClient, "30 06 0001 't' 02 8102", .unknownProperty, at: 6),
        refuse(
            "property runs past its block", .v5_0, .fromClient, "30 07 0001 't' 02 23 0001", .truncated, at: 7),
    ]
}
