import MQTTCodec

extension PacketCase {
    static let connack: [PacketCase] = [
        accept("CONNACK success", .v3_1_1, .fromServer, "20 02 00 00", .connack(ConnAck(reason: .success))),
        accept(
            "CONNACK with a session", .v3_1_1, .fromServer, "20 02 01 00",
            .connack(ConnAck(sessionPresent: true, reason: .success))),
        accept(
            "CONNACK unacceptable version", .v3_1_1, .fromServer, "20 02 00 01",
            .connack(ConnAck(reason: .unsupportedProtocolVersion))),
        accept(
            "CONNACK identifier rejected", .v3_1_1, .fromServer, "20 02 00 02",
            .connack(ConnAck(reason: .clientIdentifierNotValid))),
        accept(
            "CONNACK server unavailable", .v3_1_1, .fromServer, "20 02 00 03",
            .connack(ConnAck(reason: .serverUnavailable))),
        accept(
            "CONNACK bad user name or password", .v3_1_1, .fromServer, "20 02 00 04",
            .connack(ConnAck(reason: .badUserNameOrPassword))),
        accept(
            "CONNACK not authorized", .v3_1_1, .fromServer, "20 02 00 05",
            .connack(ConnAck(reason: .notAuthorized))),
        accept("CONNACK success", .v5_0, .fromServer, "20 03 00 00 00", .connack(ConnAck(reason: .success))),
        accept(
            "CONNACK not authorized, with a reason", .v5_0, .fromServer, "20 08 00 87 05 1F 0002 'no'",
            .connack(ConnAck(reason: .notAuthorized, properties: Properties { $0.reasonString = utf8("no") }))),
        accept(
            "CONNACK with all properties", .v5_0, .fromServer,
            "20 45 01 00 42"
                + "11 00000078  12 0003 'abc'  13 003C  15 0001 'm'  16 0001 FF  1A 0002 'ri'  1C 0002 'sr'"
                + "1F 0002 'ok'  21 000A  22 0014  24 01  25 00  26 0001 'k' 0002 'vv'  27 00100000  28 00  29 01"
                + "2A 00",
            .connack(
                ConnAck(
                    sessionPresent: true, reason: .success,
                    properties: Properties {
                        $0.sessionExpiryInterval = 120
                        $0.assignedClientIdentifier = utf8("abc")
                        $0.serverKeepAlive = 60
                        $0.authenticationMethod = utf8("m")
                        $0.authenticationData = [0xFF]
                        $0.responseInformation = utf8("ri")
                        $0.serverReference = utf8("sr")
                        $0.reasonString = utf8("ok")
                        $0.receiveMaximum = 10
                        $0.topicAliasMaximum = 20
                        $0.maximumQoS = 1
                        $0.retainAvailable = 0
                        $0.userProperties = [UserProperty("k", "vv")]
                        $0.maximumPacketSize = 1_048_576
                        $0.wildcardSubscriptionAvailable = 0
                        $0.subscriptionIdentifierAvailable = 1
                        $0.sharedSubscriptionAvailable = 0
                    }))),
        refuse(
            "reserved Connect Acknowledge Flags", .v3_1_1, .fromServer, "20 02 02 00", .reservedAcknowledgeFlags,
            at: 2),
        refuse(
            "reserved Connect Acknowledge Flags [MQTT-3.2.2-1]", .v5_0, .fromServer, "20 03 80 00 00",
            .reservedAcknowledgeFlags, at: 2),
        refuse(
            "Session Present in a refusal [MQTT-3.2.2-4]", .v3_1_1, .fromServer, "20 02 01 05",
            .sessionPresentOnRefusal, at: 2, .protocolError),
        refuse(
            "Session Present in a refusal [MQTT-3.2.2-6]", .v5_0, .fromServer, "20 03 01 87 00",
            .sessionPresentOnRefusal, at: 2, .protocolError),
        refuse(
            "reserved Connect Return Code", .v3_1_1, .fromServer, "20 02 00 06", .invalidReasonCode, at: 3,
            .protocolError),
        refuse(
            "Reason Code of another packet [MQTT-3.2.2-8]", .v5_0, .fromServer, "20 03 00 8E 00", .invalidReasonCode,
            at: 3, .protocolError),
        refuse("CONNACK without code", .v3_1_1, .fromServer, "20 01 00", .truncated, at: 3),
        refuse("CONNACK without Property Length", .v5_0, .fromServer, "20 02 00 00", .truncated, at: 4),
        refuse("CONNACK with bytes too many", .v3_1_1, .fromServer, "20 03 00 00 00", .trailingBytes, at: 4),
        refuse(
            "Maximum QoS 2", .v5_0, .fromServer, "20 05 00 00 02 24 02", .propertyOutOfRange, at: 6, .protocolError),
        refuse(
            "Receive Maximum 0", .v5_0, .fromServer, "20 06 00 00 03 21 0000", .propertyOutOfRange, at: 6,
            .protocolError),
        refuse(
            "Authentication Data without Authentication Method", .v5_0, .fromServer, "20 06 00 00 03 16 0000",
            .authenticationDataWithoutMethod, at: 8, .protocolError),
        refuse("CONNACK from a Client", .v5_0, .fromClient, "20 03 00 00 00", .unexpectedPacket, at: 0, .protocolError),
    ]
}
