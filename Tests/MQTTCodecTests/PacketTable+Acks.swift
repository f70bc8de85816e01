import MQTTCodec

extension PacketCase {
    /// PUBACK, PUBREC, PUBREL and PUBCOMP.
    static let acks: [PacketCase] = [
        accept("PUBACK", .v3_1_1, .fromClient, "40 02 0001", .puback(Ack(packetID: 1))),
        accept("PUBREC", .v3_1_1, .fromServer, "50 02 FFFF", .pubrec(Ack(packetID: 65535))),
        accept("PUBREL", .v3_1_1, .fromClient, "62 02 0100", .pubrel(Ack(packetID: 256))),
        accept("PUBCOMP", .v3_1_1, .fromServer, "70 02 00FF", .pubcomp(Ack(packetID: 255))),
        accept("PUBACK", .v5_0, .fromServer, "40 02 0001", .puback(Ack(packetID: 1))),
        accept(
            "PUBACK with a reason", .v5_0, .fromServer, "40 03 0001 10",
            .puback(Ack(packetID: 1, reason: .noMatchingSubscribers))),
        accept(
            "PUBACK with success spelled out", .v5_0, .fromClient, "40 03 0001 00", isShortest: false,
            .puback(Ack(packetID: 1))),
        accept(
            "PUBACK with an empty property block", .v5_0, .fromClient, "40 04 0001 87 00", isShortest: false,
            .puback(Ack(packetID: 1, reason: .notAuthorized))),
        accept(
            "PUBREC with a Reason String", .v5_0, .fromServer, "50 09 0002 97 05 1F 0002 'no'",
            .pubrec(
                Ack(packetID: 2, reason: .quotaExceeded, properties: Properties { $0.reasonString = utf8("no") }))),
        accept(
            "PUBREL of an unknown packet", .v5_0, .fromClient, "62 03 0003 92",
            .pubrel(Ack(packetID: 3, reason: .packetIdentifierNotFound))),
        accept(
            "PUBCOMP success with User Properties", .v5_0, .fromClient,
            "70 12 0004 00 0E 26 0001 'b' 0001 '1' 26 0001 'a' 0001 '2'",
            .pubcomp(
                Ack(
                    packetID: 4,
                    properties: Properties { $0.userProperties = [UserProperty("b", "1"), UserProperty("a", "2")] }))),
        refuse("PUBACK flags 0010 [MQTT-2.2.2-2]", .v3_1_1, .fromClient, "42 02 0001", .reservedFlags, at: 0),
        refuse("PUBACK flags 1000 [MQTT-2.1.3-1]", .v5_0, .fromClient, "48 02 0001", .reservedFlags, at: 0),
        refuse("PUBREC flags 0001 [MQTT-2.1.3-1]", .v5_0, .fromServer, "51 02 0001", .reservedFlags, at: 0),
        refuse("PUBREL flags 0000 [MQTT-3.6.1-1]", .v3_1_1, .fromClient, "60 02 0001", .reservedFlags, at: 0),
        refuse("PUBREL flags 0011 [MQTT-3.6.1-1]", .v5_0, .fromClient, "63 02 0001", .reservedFlags, at: 0),
        refuse("PUBCOMP flags 0010 [MQTT-2.1.3-1]", .v5_0, .fromServer, "72 02 0001", .reservedFlags, at: 0),
        refuse("Packet Identifier 0", .v3_1_1, .fromClient, "40 02 0000", .zeroPacketID, at: 2, .protocolError),
        refuse("half a Packet Identifier", .v5_0, .fromClient, "50 01 00", .truncated, at: 2),
        refuse("a reason in 3.1.1", .v3_1_1, .fromClient, "40 03 0001 00", .trailingBytes, at: 4),
        refuse(
            "Reason Code of DISCONNECT [MQTT-3.4.2-1]", .v5_0, .fromClient, "40 03 0001 8E", .invalidReasonCode, at: 4,
            .protocolError),
        refuse(
            "Reason Code of PUBREL [MQTT-3.5.2-1]", .v5_0, .fromClient, "50 03 0001 92", .invalidReasonCode, at: 4,
            .protocolError),
        refuse(
            "Reason Code of PUBREC [MQTT-3.6.2-1]", .v5_0, .fromClient, "62 03 0001 10", .invalidReasonCode, at: 4,
            .protocolError),
        refuse(
            "Reason Code of PUBREC [MQTT-3.7.2-1]", .v5_0, .fromServer, "70 03 0001 80", .invalidReasonCode, at: 4,
            .protocolError),
        refuse("Property Length runs past the end", .v5_0, .fromClient, "40 04 0001 00 01", .truncated, at: 5),
        refuse("bytes after the properties", .v5_0, .fromClient, "40 05 0001 00 00 00", .trailingBytes, at: 6),
        refuse(
            "Reason String twice", .v5_0, .fromClient, "40 0A 0001 00 06 1F 0000 1F 0000", .duplicateProperty, at: 9,
            .protocolError),
        refuse(
            "property of another packet", .v5_0, .fromClient, "70 07 0001 00 03 23 0001", .propertyNotAllowed, at: 6),
    ]
}
