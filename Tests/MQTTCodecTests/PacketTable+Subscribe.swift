import MQTTCodec

extension PacketCase {
    static let subscribe: [PacketCase] = [
        accept(
            "SUBSCRIBE to two filters", .v3_1_1, .fromClient, "82 0E 000A 0003 'a/b' 01 0003 'c/#' 02",
            .subscribe(
                Subscribe(
                    packetID: 10,
                    subscriptions: [
                        Subscription(filter: utf8("a/b"), qos: 1), Subscription(filter: utf8("c/#"), qos: 2),
                    ]))),
        accept(
            "SUBSCRIBE with all options", .v5_0, .fromClient, "82 0F 0001 00 0001 '+' 1C 0001 'a' 00 0001 'b' 22",
            .subscribe(
                Subscribe(
                    packetID: 1,
                    subscriptions: [
                        Subscription(
                            filter: utf8("+"), noLocal: true, retainAsPublished: true, retainHandling: .sendIfNew),
                        Subscription(filter: utf8("a")),
                        Subscription(filter: utf8("b"), qos: 2, retainHandling: .doNotSend),
                    ]))),
        accept(
            "SUBSCRIBE with properties", .v5_0, .fromClient,
            "82 11 0001 0A 0B 8001 26 0001 'k' 0001 'v' 0001 't' 00",
            .subscribe(
                Subscribe(
                    packetID: 1, subscriptions: [Subscription(filter: utf8("t"))],
                    properties: Properties {
                        $0.subscriptionIdentifiers = [128]
                        $0.userProperties = [UserProperty("k", "v")]
                    }))),
        refuse("flags 0000 [MQTT-3.8.1-1]", .v3_1_1, .fromClient, "80 06 0001 0001 't' 00", .reservedFlags, at: 0),
        refuse("flags 1010 [MQTT-3.8.1-1]", .v5_0, .fromClient, "8A 07 0001 00 0001 't' 00", .reservedFlags, at: 0),
        refuse(
            "Packet Identifier 0 [MQTT-2.3.1-1]", .v3_1_1, .fromClient, "82 06 0000 0001 't' 00", .zeroPacketID, at: 2,
            .protocolError),
        refuse(
            "no filter [MQTT-3.8.3-3]", .v3_1_1, .fromClient, "82 02 0001", .emptySubscribe, at: 4, .protocolError),
        refuse(
            "no filter [MQTT-3.8.3-2]", .v5_0, .fromClient, "82 03 0001 00", .emptySubscribe, at: 5, .protocolError),
        refuse(
            "empty filter [MQTT-4.7.3-1]", .v5_0, .fromClient, "82 06 0001 00 0000 00", .emptyTopicFilter, at: 5,
            .protocolError),
        refuse(
            "filter with ill-formed UTF-8 [MQTT-3.8.3-1]", .v3_1_1, .fromClient, "82 06 0001 0001 FE 00", .invalidUTF8,
            at: 4),
        refuse("filter runs past the end", .v3_1_1, .fromClient, "82 05 0001 0002 't'", .truncated, at: 4),
        refuse("options are missing", .v5_0, .fromClient, "82 06 0001 00 0001 't'", .truncated, at: 8),
        refuse(
            "QoS 3 [MQTT-3-8.3-4]", .v3_1_1, .fromClient, "82 06 0001 0001 't' 03", .invalidQoS, at: 7, .protocolError),
        refuse("QoS 3", .v5_0, .fromClient, "82 07 0001 00 0001 't' 03", .invalidQoS, at: 8, .protocolError),
        refuse(
            "reserved bits [MQTT-3-8.3-4]", .v3_1_1, .fromClient, "82 06 0001 0001 't' 04",
            .reservedSubscriptionOptions, at: 7),
        refuse(
            "reserved bits [MQTT-3.8.3-5]", .v5_0, .fromClient, "82 07 0001 00 0001 't' 40",
            .reservedSubscriptionOptions, at: 8),
        refuse(
            "Retain Handling 3", .v5_0, .fromClient, "82 07 0001 00 0001 't' 30", .invalidRetainHandling, at: 8,
            .protocolError),
        refuse(
            "Subscription Identifier twice", .v5_0, .fromClient, "82 0B 0001 04 0B 01 0B 02 0001 't' 00",
            .duplicateProperty, at: 7, .protocolError),
        refuse(
            "Subscription Identifier 0", .v5_0, .fromClient, "82 09 0001 02 0B 00 0001 't' 00", .propertyOutOfRange,
            at: 6, .protocolError),
        refuse(
            "Subscription Identifier of five bytes [MQTT-1.5.5-1]", .v5_0, .fromClient,
            "82 0D 0001 06 0B FFFFFFFF01 0001 't' 00", .variableByteIntegerTooLong, at: 6),
        refuse(
            "SUBSCRIBE from a Server", .v5_0, .fromServer, "82 07 0001 00 0001 't' 00", .unexpectedPacket, at: 0,
            .protocolError),
    ]

    static let suback: [PacketCase] = [
        accept(
            "SUBACK", .v3_1_1, .fromServer, "90 06 000A 00 01 02 80",
            .suback(
                SubAck(packetID: 10, reasons: [.grantedQoS0, .grantedQoS1, .grantedQoS2, .unspecifiedError]))),
        accept(
            "SUBACK", .v5_0, .fromServer, "90 06 000A 00 02 8F A2",
            .suback(
                SubAck(
                    packetID: 10, reasons: [.grantedQoS2, .topicFilterInvalid, .wildcardSubscriptionsNotSupported]))),
        accept(
            "SUBACK with properties", .v5_0, .fromServer, "90 10 0001 0C 1F 0002 'ok' 26 0001 'k' 0001 'v' 01",
            .suback(
                SubAck(
                    packetID: 1, reasons: [.grantedQoS1],
                    properties: Properties {
                        $0.reasonString = utf8("ok")
                        $0.userProperties = [UserProperty("k", "v")]
                    }))),
        refuse(
            "return code of 5.0 [MQTT-3.9.3-2]", .v3_1_1, .fromServer, "90 03 0001 87", .invalidReasonCode, at: 4,
            .protocolError),
        refuse(
            "reserved return code [MQTT-3.9.3-2]", .v3_1_1, .fromServer, "90 03 0001 03", .invalidReasonCode, at: 4,
            .protocolError),
        refuse(
            "Reason Code of UNSUBACK [MQTT-3.9.3-2]", .v5_0, .fromServer, "90 04 0001 00 11", .invalidReasonCode,
            at: 5, .protocolError),
        refuse(
            "no return code [MQTT-3.8.4-5]", .v3_1_1, .fromServer, "90 02 0001", .emptyAcknowledgement, at: 4,
            .protocolError),
        refuse(
            "no Reason Code [MQTT-3.8.4-6]", .v5_0, .fromServer, "90 03 0001 00", .emptyAcknowledgement, at: 5,
            .protocolError),
        refuse("flags 0001 [MQTT-2.1.3-1]", .v5_0, .fromServer, "91 04 0001 00 00", .reservedFlags, at: 0),
        refuse(
            "SUBACK from a Client", .v3_1_1, .fromClient, "90 03 0001 00", .unexpectedPacket, at: 0, .protocolError),
    ]
}
