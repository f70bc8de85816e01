import MQTTCodec

extension PacketCase {
    /// UNSUBSCRIBE and UNSUBACK.
    static let unsubscribe: [PacketCase] = [
        accept(
            "UNSUBSCRIBE from two filters", .v3_1_1, .fromClient, "A2 0A 0001 0003 'a/#' 0001 'b'",
            .unsubscribe(Unsubscribe(packetID: 1, filters: [utf8("a/#"), utf8("b")]))),
        accept(
            "UNSUBSCRIBE", .v5_0, .fromClient, "A2 06 0001 00 0001 'b'",
            .unsubscribe(Unsubscribe(packetID: 1, filters: [utf8("b")]))),
        accept(
            "UNSUBSCRIBE with User Property", .v5_0, .fromClient, "A2 0D 0001 07 26 0001 'k' 0001 'v' 0001 'b'",
            .unsubscribe(
                Unsubscribe(
                    packetID: 1, filters: [utf8("b")],
                    properties: Properties { $0.userProperties = [UserProperty("k", "v")] }))),
        accept("UNSUBACK", .v3_1_1, .fromServer, "B0 02 0001", .unsuback(UnsubAck(packetID: 1))),
        accept(
            "UNSUBACK", .v5_0, .fromServer, "B0 06 0001 00 00 11 87",
            .unsuback(UnsubAck(packetID: 1, reasons: [.success, .noSubscriptionExisted, .notAuthorized]))),
        accept(
            "UNSUBACK with Reason String", .v5_0, .fromServer, "B0 08 0001 04 1F 0001 'x' 11",
            .unsuback(
                UnsubAck(
                    packetID: 1, reasons: [.noSubscriptionExisted],
                    properties: Properties { $0.reasonString = utf8("x") }))),
        refuse("flags 0000 [MQTT-3.10.1-1]", .v3_1_1, .fromClient, "A0 05 0001 0001 'b'", .reservedFlags, at: 0),
        refuse("flags 0011 [MQTT-3.10.1-1]", .v5_0, .fromClient, "A3 06 0001 00 0001 'b'", .reservedFlags, at: 0),
        refuse(
            "no filter [MQTT-3.10.3-2]", .v3_1_1, .fromClient, "A2 02 0001", .emptyUnsubscribe, at: 4, .protocolError),
        refuse(
            "no filter [MQTT-3.10.3-2]", .v5_0, .fromClient, "A2 03 0001 00", .emptyUnsubscribe, at: 5, .protocolError),
        refuse(
            "empty filter [MQTT-4.7.3-1]", .v3_1_1, .fromClient, "A2 04 0001 0000", .emptyTopicFilter, at: 4,
            .protocolError),
        refuse(
            "filter with U+0000 [MQTT-1.5.4-2]", .v5_0, .fromClient, "A2 06 0001 00 0001 00", .nullCharacter, at: 5),
        refuse(
            "Packet Identifier 0 [MQTT-2.2.1-3]", .v5_0, .fromClient, "A2 06 0000 00 0001 'b'", .zeroPacketID, at: 2,
            .protocolError),
        refuse(
            "Subscription Identifier is not allowed", .v5_0, .fromClient, "A2 08 0001 02 0B 01 0001 'b'",
            .propertyNotAllowed, at: 5),
        refuse(
            "UNSUBSCRIBE from a Server", .v3_1_1, .fromServer, "A2 05 0001 0001 'b'", .unexpectedPacket, at: 0,
            .protocolError),
        refuse("UNSUBACK with a payload", .v3_1_1, .fromServer, "B0 03 0001 00", .trailingBytes, at: 4),
        refuse(
            "UNSUBACK without Reason Code", .v5_0, .fromServer, "B0 03 0001 00", .emptyAcknowledgement, at: 5,
            .protocolError),
        refuse(
            "UNSUBACK with the code of SUBACK [MQTT-3.11.3-2]", .v5_0, .fromServer, "B0 04 0001 00 01",
            .invalidReasonCode, at: 5, .protocolError),
    ]
}
