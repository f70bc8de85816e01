import MQTTCodec

extension PacketCase {
    static let connect: [PacketCase] = [
        accept(
            "CONNECT with the least content", .v3_1_1, .fromClient, "10 0C 0004 'MQTT' 04 02 0000 0000",
            .connect(Connect(version: .v3_1_1, clientID: []))),
        accept(
            "CONNECT that resumes a session", .v3_1_1, .fromClient, "10 0F 0004 'MQTT' 04 00 003C 0003 'dev'",
            .connect(Connect(version: .v3_1_1, clientID: utf8("dev"), cleanStart: false, keepAlive: 60))),
        accept(
            "CONNECT with everything", .v3_1_1, .fromClient,
            "10 26 0004 'MQTT' 04 F6 FFFF 0003 'dev' 0005 'w/ill' 0003 'bye' 0002 'me' 0005 00FF 'pw' 01",
            .connect(
                Connect(
                    version: .v3_1_1, clientID: utf8("dev"), keepAlive: 65535,
                    will: Will(topic: utf8("w/ill"), payload: utf8("bye"), qos: 2, retain: true),
                    userName: utf8("me"), password: [0, 0xFF, 0x70, 0x77, 1]))),
        accept(
            "CONNECT with user name alone", .v3_1_1, .fromClient, "10 11 0004 'MQTT' 04 82 0000 0001 'c' 0002 'me'",
            .connect(Connect(version: .v3_1_1, clientID: utf8("c"), userName: utf8("me")))),
        accept(
            "CONNECT with the least content", .v5_0, .fromClient, "10 0D 0004 'MQTT' 05 02 0000 00 0000",
            .connect(Connect(version: .v5_0, clientID: []))),
        accept(
            "CONNECT with a password and no user name", .v5_0, .fromClient,
            "10 13 0004 'MQTT' 05 42 0000 00 0001 'c' 0003 'tok'",
            .connect(Connect(version: .v5_0, clientID: utf8("c"), password: utf8("tok")))),
        accept(
            "CONNECT with a Will of QoS 1", .v5_0, .fromClient,
            "10 15 0004 'MQTT' 05 0E 000A 00 0001 'c' 00 0001 't' 0001 'p'",
            .connect(
                Connect(
                    version: .v5_0, clientID: utf8("c"), keepAlive: 10,
                    will: Will(topic: utf8("t"), payload: utf8("p"), qos: 1)))),
        accept(
            "CONNECT with all properties", .v5_0, .fromClient,
            "10 3A 0004 'MQTT' 05 02 0000 2C"
                + "11 00000E10  15 0003 'SCR'  16 0002 0102  17 00  19 01  21 0014  22 000A"
                + "26 0001 'a' 0001 'b'  26 0001 'a' 0000  27 00010000  0001 'c'",
            .connect(
                Connect(
                    version: .v5_0, clientID: utf8("c"),
                    properties: Properties {
                        $0.sessionExpiryInterval = 3600
                        $0.authenticationMethod = utf8("SCR")
                        $0.authenticationData = [1, 2]
                        $0.requestProblemInformation = 0
                        $0.requestResponseInformation = 1
                        $0.receiveMaximum = 20
                        $0.topicAliasMaximum = 10
                        $0.userProperties = [UserProperty("a", "b"), UserProperty("a", "")]
                        $0.maximumPacketSize = 65536
                    }))),
        accept(
            "CONNECT with all Will Properties", .v5_0, .fromClient,
            "10 3E 0004 'MQTT' 05 2E 0000 00 0001 'c'"
                + "29 01 01  02 0000003C  03 0004 'text'  08 0003 'r/t'  09 0002 00FF  18 0000000A"
                + "26 0003 'key' 0003 'val'  0001 't' 0001 'p'",
            .connect(
                Connect(
                    version: .v5_0, clientID: utf8("c"),
                    will: Will(
                        topic: utf8("t"), payload: utf8("p"), qos: 1, retain: true,
                        properties: Properties {
                            $0.payloadFormatIndicator = 1
                            $0.messageExpiryInterval = 60
                            $0.contentType = utf8("text")
                            $0.responseTopic = utf8("r/t")
                            $0.correlationData = [0, 0xFF]
                            $0.willDelayInterval = 10
                            $0.userProperties = [UserProperty("key", "val")]
                        })))),
        accept(
            "CONNECT with properties in another order", .v5_0, .fromClient,
            "10 16 0004 'MQTT' 05 02 0000 08 21 0001 11 00000000 0001 'c'", isShortest: false,
            .connect(
                Connect(
                    version: .v5_0, clientID: utf8("c"),
                    properties: Properties {
                        $0.sessionExpiryInterval = 0
                        $0.receiveMaximum = 1
                    }))),
        accept(
            "CONNECT of 3.1.1 with a padded Remaining Length", .v3_1_1, .fromClient,
            "10 8C00 0004 'MQTT' 04 02 0000 0000", isShortest: false,
            .connect(Connect(version: .v3_1_1, clientID: []))),
        accept(
            "CONNECT is read in the version it names", .v5_0, .fromClient, "10 0C 0004 'MQTT' 04 02 0000 0000",
            .connect(Connect(version: .v3_1_1, clientID: []))),
        accept(
            "CONNECT with a Client Identifier of U+FEFF [MQTT-1.5.4-3]", .v5_0, .fromClient,
            "10 10 0004 'MQTT' 05 02 0000 00 0003 EFBBBF",
            .connect(Connect(version: .v5_0, clientID: [0xEF, 0xBB, 0xBF]))),
    ]

    static let connectErrors: [PacketCase] = [
        refuse(
            "Protocol Name MQIsdp of MQTT 3.1 [MQTT-3.1.2-2]", .v5_0, .fromClient,
            "10 0E 0006 'MQIsdp' 03 02 0000 0000", .unsupportedProtocolVersion(3), at: 10,
            .unsupportedProtocolVersion),
        refuse(
            "Protocol Name MQIsdp with a level of today [MQTT-3.1.2-1]", .v5_0, .fromClient,
            "10 0E 0006 'MQIsdp' 04 02 0000 0000", .unsupportedProtocolName, at: 2, .unsupportedProtocolVersion),
        refuse(
            "Protocol Name MQIsdp and no level [MQTT-3.1.2-1]", .v5_0, .fromClient, "10 08 0006 'MQIsdp'",
            .unsupportedProtocolName, at: 2, .unsupportedProtocolVersion),
        refuse(
            "Protocol Name in lower case [MQTT-3.1.2-1]", .v5_0, .fromClient, "10 0D 0004 'mqtt' 05 02 0000 00 0000",
            .unsupportedProtocolName, at: 2, .unsupportedProtocolVersion),
        refuse(
            "Protocol Version 3 [MQTT-3.1.2-2]", .v5_0, .fromClient, "10 0C 0004 'MQTT' 03 02 0000 0000",
            .unsupportedProtocolVersion(3), at: 8, .unsupportedProtocolVersion),
        refuse(
            "Protocol Version 6 and then nothing [MQTT-3.1.2-2]", .v5_0, .fromClient, "10 07 0004 'MQTT' 06",
            .unsupportedProtocolVersion(6), at: 8, .unsupportedProtocolVersion),
        refuse(
            "reserved Connect Flag [MQTT-3.1.2-3]", .v3_1_1, .fromClient, "10 0C 0004 'MQTT' 04 03 0000 0000",
            .reservedConnectFlag, at: 9),
        refuse(
            "reserved Connect Flag [MQTT-3.1.2-3]", .v5_0, .fromClient, "10 0D 0004 'MQTT' 05 03 0000 00 0000",
            .reservedConnectFlag, at: 9),
        refuse(
            "Will QoS 3 [MQTT-3.1.2-14]", .v3_1_1, .fromClient, "10 0C 0004 'MQTT' 04 1E 0000 0000", .invalidQoS,
            at: 9),
        refuse(
            "Will QoS 3 [MQTT-3.1.2-12]", .v5_0, .fromClient, "10 0D 0004 'MQTT' 05 1E 0000 00 0000", .invalidQoS,
            at: 9),
        refuse(
            "Will QoS without Will Flag [MQTT-3.1.2-13]", .v3_1_1, .fromClient, "10 0C 0004 'MQTT' 04 0A 0000 0000",
            .willQoSWithoutWill, at: 9, .protocolError),
        refuse(
            "Will QoS without Will Flag [MQTT-3.1.2-11]", .v5_0, .fromClient, "10 0D 0004 'MQTT' 05 12 0000 00 0000",
            .willQoSWithoutWill, at: 9, .protocolError),
        refuse(
            "Will Retain without Will Flag [MQTT-3.1.2-15]", .v3_1_1, .fromClient,
            "10 0C 0004 'MQTT' 04 22 0000 0000", .willRetainWithoutWill, at: 9, .protocolError),
        refuse(
            "password without user name [MQTT-3.1.2-22]", .v3_1_1, .fromClient,
            "10 0F 0004 'MQTT' 04 42 0000 0000 0001 'p'", .passwordWithoutUserName, at: 9, .protocolError),
        refuse(
            "Client Identifier is missing", .v3_1_1, .fromClient, "10 0A 0004 'MQTT' 04 02 0000",
            .truncated, at: 12),
        refuse(
            "Client Identifier runs past the end", .v5_0, .fromClient, "10 0F 0004 'MQTT' 05 02 0000 00 0003 'ab'",
            .truncated, at: 13),
        refuse(
            "Client Identifier with a surrogate [MQTT-3.1.3-4]", .v3_1_1, .fromClient,
            "10 0F 0004 'MQTT' 04 02 0000 0003 EDA080", .invalidUTF8, at: 12),
        refuse(
            "Client Identifier with U+0000 [MQTT-1.5.4-2]", .v5_0, .fromClient,
            "10 0F 0004 'MQTT' 05 02 0000 00 0002 6100", .nullCharacter, at: 13),
        refuse(
            "Will Topic is empty [MQTT-4.7.3-1]", .v3_1_1, .fromClient,
            "10 11 0004 'MQTT' 04 06 0000 0001 'c' 0000 0000", .emptyTopicName, at: 15, .protocolError),
        refuse(
            "Will Topic with a wildcard [MQTT-3.3.2-2]", .v5_0, .fromClient,
            "10 15 0004 'MQTT' 05 06 0000 00 0001 'c' 00 0002 'a#' 0000", .wildcardInTopicName, at: 17,
            .protocolError),
        refuse(
            "Will Topic with ill-formed UTF-8 [MQTT-3.1.3-11]", .v5_0, .fromClient,
            "10 15 0004 'MQTT' 05 06 0000 00 0001 'c' 00 0002 C0AF 0000", .invalidUTF8, at: 17),
        refuse(
            "Will Payload is missing", .v3_1_1, .fromClient,
            "10 10 0004 'MQTT' 04 06 0000 0001 'c' 0001 't'", .truncated, at: 18),
        refuse(
            "user name is missing", .v5_0, .fromClient, "10 0D 0004 'MQTT' 05 82 0000 00 0000",
            .truncated, at: 15),
        refuse(
            "user name with ill-formed UTF-8 [MQTT-3.1.3-11]", .v3_1_1, .fromClient,
            "10 0F 0004 'MQTT' 04 82 0000 0000 0001 FF", .invalidUTF8, at: 14),
        refuse(
            "password is missing", .v5_0, .fromClient, "10 10 0004 'MQTT' 05 C2 0000 00 0000 0001 'u'",
            .truncated, at: 18),
        refuse(
            "bytes after the last field", .v3_1_1, .fromClient, "10 0D 0004 'MQTT' 04 02 0000 0000 00", .trailingBytes,
            at: 14),
        refuse(
            "Property Length runs past the end", .v5_0, .fromClient, "10 0D 0004 'MQTT' 05 02 0000 03 0000",
            .truncated, at: 12),
        refuse(
            "Property Length is not minimal [MQTT-1.5.5-1]", .v5_0, .fromClient,
            "10 0E 0004 'MQTT' 05 02 0000 8000 0000", .variableByteIntegerNotMinimal, at: 12),
        refuse(
            "Property Length of five bytes [MQTT-1.5.5-1]", .v5_0, .fromClient,
            "10 11 0004 'MQTT' 05 02 0000 8080808001 0000", .variableByteIntegerTooLong, at: 12),
        refuse(
            "padded Remaining Length [MQTT-1.5.5-1]", .v5_0, .fromClient, "10 8D00 0004 'MQTT' 05 02 0000 00 0000",
            .variableByteIntegerNotMinimal, at: 1),
        refuse(
            "Receive Maximum 0", .v5_0, .fromClient, "10 10 0004 'MQTT' 05 02 0000 03 21 0000 0000",
            .propertyOutOfRange, at: 14, .protocolError),
        refuse(
            "Maximum Packet Size 0", .v5_0, .fromClient, "10 12 0004 'MQTT' 05 02 0000 05 27 00000000 0000",
            .propertyOutOfRange, at: 14, .protocolError),
        refuse(
            "Request Problem Information 2", .v5_0, .fromClient, "10 0F 0004 'MQTT' 05 02 0000 02 17 02 0000",
            .propertyOutOfRange, at: 14, .protocolError),
        refuse(
            "Authentication Data without Authentication Method", .v5_0, .fromClient,
            "10 10 0004 'MQTT' 05 02 0000 03 16 0000 0000", .authenticationDataWithoutMethod, at: 16, .protocolError),
        refuse(
            "Will Delay Interval outside the Will Properties", .v5_0, .fromClient,
            "10 12 0004 'MQTT' 05 02 0000 05 18 00000000 0000", .propertyNotAllowed, at: 13),
        refuse(
            "Will Response Topic with a wildcard [MQTT-3.3.2-14]", .v5_0, .fromClient,
            "10 17 0004 'MQTT' 05 06 0000 00 0000 06 08 0003 'a/+' 0001 't'", .wildcardInTopicName, at: 17,
            .protocolError),
        refuse(
            "User Property with ill-formed UTF-8 [MQTT-1.5.7-1]", .v5_0, .fromClient,
            "10 14 0004 'MQTT' 05 02 0000 07 26 0001 'a' 0001 80 0000", .invalidUTF8, at: 17),
    ]
}
