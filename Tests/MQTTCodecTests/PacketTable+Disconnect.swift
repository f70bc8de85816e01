import MQTTCodec

extension PacketCase {
    static let disconnect: [PacketCase] = [
        accept("DISCONNECT", .v3_1_1, .fromClient, "E0 00", .disconnect(Disconnect())),
        accept("DISCONNECT", .v5_0, .fromClient, "E0 00", .disconnect(Disconnect())),
        accept(
            "DISCONNECT with success spelled out", .v5_0, .fromClient, "E0 01 00", isShortest: false,
            .disconnect(Disconnect())),
        accept(
            "DISCONNECT with Will", .v5_0, .fromClient, "E0 01 04",
            .disconnect(Disconnect(reason: .disconnectWithWill))),
        accept(
            "DISCONNECT that changes the expiry", .v5_0, .fromClient, "E0 07 00 05 11 FFFFFFFF",
            .disconnect(Disconnect(properties: Properties { $0.sessionExpiryInterval = .max }))),
        accept(
            "DISCONNECT of a Server", .v5_0, .fromServer,
            "E0 15 9C 13 1C 0004 'host' 1F 0002 'go' 26 0001 'k' 0001 'v'",
            .disconnect(
                Disconnect(
                    reason: .useAnotherServer,
                    properties: Properties {
                        $0.serverReference = utf8("host")
                        $0.reasonString = utf8("go")
                        $0.userProperties = [UserProperty("k", "v")]
                    }))),
        refuse("flags 0001 [MQTT-3.14.1-1]", .v3_1_1, .fromClient, "E1 00", .reservedFlags, at: 0),
        refuse("flags 1000 [MQTT-3.14.1-1]", .v5_0, .fromClient, "E8 00", .reservedFlags, at: 0),
        refuse("a reason in 3.1.1", .v3_1_1, .fromClient, "E0 01 00", .trailingBytes, at: 2),
        refuse(
            "DISCONNECT of a Server in 3.1.1", .v3_1_1, .fromServer, "E0 00", .unexpectedPacket, at: 0, .protocolError),
        refuse(
            "a Reason Code for Servers only [MQTT-3.14.2-1]", .v5_0, .fromClient, "E0 01 8E", .invalidReasonCode,
            at: 2, .protocolError),
        refuse(
            "a Reason Code for Clients only [MQTT-3.14.2-1]", .v5_0, .fromServer, "E0 01 04", .invalidReasonCode,
            at: 2, .protocolError),
        refuse(
            "an undefined Reason Code [MQTT-3.14.2-1]", .v5_0, .fromClient, "E0 01 FF", .invalidReasonCode, at: 2,
            .protocolError),
        refuse(
            "Session Expiry Interval of a Server [MQTT-3.14.2-2]", .v5_0, .fromServer, "E0 07 00 05 11 00000000",
            .sessionExpiryFromServer, at: 4, .protocolError),
        refuse("bytes after the properties", .v5_0, .fromClient, "E0 03 00 00 00", .trailingBytes, at: 4),
        refuse("Property Length runs past the end", .v5_0, .fromClient, "E0 02 00 01", .truncated, at: 3),
    ]

    static let auth: [PacketCase] = [
        accept(
            "AUTH, a step", .v5_0, .fromClient, "F0 09 18 07 15 0001 'm' 16 0000",
            .auth(
                Auth(
                    reason: .continueAuthentication,
                    properties: Properties {
                        $0.authenticationMethod = utf8("m")
                        $0.authenticationData = []
                    }))),
        accept(
            "AUTH, again", .v5_0, .fromClient, "F0 06 19 04 15 0001 'm'",
            .auth(Auth(reason: .reAuthenticate, properties: Properties { $0.authenticationMethod = utf8("m") }))),
        accept(
            "AUTH success with a reason", .v5_0, .fromServer,
            "F0 11 00 0F 15 0001 'm' 1F 0001 'r' 26 0001 'k' 0001 'v'",
            .auth(
                Auth(
                    reason: .success,
                    properties: Properties {
                        $0.authenticationMethod = utf8("m")
                        $0.reasonString = utf8("r")
                        $0.userProperties = [UserProperty("k", "v")]
                    }))),
        accept("AUTH success, short form", .v5_0, .fromServer, "F0 00", .auth(Auth(reason: .success))),
        refuse("AUTH in 3.1.1", .v3_1_1, .fromClient, "F0 00", .reservedPacketType, at: 0),
        refuse(
            "AUTH success of a Client [MQTT-3.15.2-1]", .v5_0, .fromClient, "F0 00", .invalidReasonCode, at: 2,
            .protocolError),
        refuse(
            "AUTH again of a Server [MQTT-3.15.2-1]", .v5_0, .fromServer, "F0 06 19 04 15 0001 'm'",
            .invalidReasonCode, at: 2, .protocolError),
        refuse(
            "AUTH without method", .v5_0, .fromClient, "F0 02 18 00", .missingAuthenticationMethod, at: 4,
            .protocolError),
        refuse(
            "AUTH with data and no method", .v5_0, .fromClient, "F0 06 18 04 16 0001 00",
            .authenticationDataWithoutMethod, at: 8, .protocolError),
        refuse("AUTH without Property Length", .v5_0, .fromClient, "F0 01 18", .truncated, at: 3),
        refuse("flags 0001 [MQTT-3.15.1-1]", .v5_0, .fromClient, "F1 00", .reservedFlags, at: 0),
        refuse(
            "bytes after the properties", .v5_0, .fromClient, "F0 07 18 04 15 0001 'm' 00", .trailingBytes, at: 8),
    ]

    /// PINGREQ, PINGRESP, and what can be wrong with any packet.
    static let fixedHeader: [PacketCase] = [
        accept("PINGREQ", .v3_1_1, .fromClient, "C0 00", .pingreq),
        accept("PINGREQ", .v5_0, .fromClient, "C0 00", .pingreq),
        accept("PINGRESP", .v3_1_1, .fromServer, "D0 00", .pingresp),
        accept("PINGRESP", .v5_0, .fromServer, "D0 00", .pingresp),
        refuse("PINGREQ with a body", .v3_1_1, .fromClient, "C0 01 00", .trailingBytes, at: 2),
        refuse("PINGRESP with a body", .v5_0, .fromServer, "D0 01 00", .trailingBytes, at: 2),
        refuse("PINGREQ flags 0001 [MQTT-2.1.3-1]", .v5_0, .fromClient, "C1 00", .reservedFlags, at: 0),
        refuse("PINGRESP flags 0010 [MQTT-2.2.2-2]", .v3_1_1, .fromServer, "D2 00", .reservedFlags, at: 0),
        refuse("PINGREQ from a Server", .v5_0, .fromServer, "C0 00", .unexpectedPacket, at: 0, .protocolError),
        refuse("PINGRESP from a Client", .v3_1_1, .fromClient, "D0 00", .unexpectedPacket, at: 0, .protocolError),
        refuse("packet type 0", .v3_1_1, .fromClient, "00 00", .reservedPacketType, at: 0),
        refuse("packet type 0", .v5_0, .fromServer, "0F 00", .reservedPacketType, at: 0),
        refuse("no bytes at all", .v5_0, .fromClient, "", .truncated, at: 0),
        refuse("one byte", .v5_0, .fromClient, "C0", .truncated, at: 1),
        refuse("a body that is not there", .v3_1_1, .fromClient, "E0 03 00", .truncated, at: 1),
        refuse("two packets handed over as one", .v5_0, .fromClient, "C0 00 C0 00", .trailingBytes, at: 2),
        refuse(
            "Remaining Length of five bytes", .v5_0, .fromClient, "C0 8080808000", .variableByteIntegerTooLong, at: 1),
        refuse(
            "Remaining Length is not minimal [MQTT-1.5.5-1]", .v5_0, .fromClient, "C0 8000",
            .variableByteIntegerNotMinimal, at: 1),
    ]
}
