import MQTTCodec

/// Every packet a Client may send, with all it may hold.
enum ClientPackets {
    static func connect(_ version: ProtocolVersion) -> WirePacket {
        WirePacket("CONNECT", version, 0x10) {
            $0.string("MQTT")
            $0.byte(version.rawValue)
            $0.byte(0b1110_1110)
            $0.integer(30)
            $0.properties {
                $0.raw([0x11, 0, 0, 0, 9, 0x21, 0, 10, 0x27, 0, 1, 0, 0, 0x22, 0, 5, 0x19, 1, 0x17, 1])
                userProperty(&$0)
            }
            $0.string("hostile")
            $0.properties {
                $0.raw([0x18, 0, 0, 0, 1, 0x01, 1, 0x02, 0, 0, 0, 9, 0x03])
                $0.string("text")
                $0.byte(0x08)
                $0.string("answer")
                $0.byte(0x09)
                $0.binary([1, 2])
                userProperty(&$0)
            }
            $0.string("will")
            $0.binary([0xFF, 0])
            $0.string("user")
            $0.binary([0, 0xFF])
        }
    }

    /// What may follow CONNECT.
    static func later(_ version: ProtocolVersion) -> [WirePacket] {
        let acks: [(String, UInt8)] = [("PUBACK", 0x40), ("PUBREC", 0x50), ("PUBREL", 0x62), ("PUBCOMP", 0x70)]
        return [
            publish(version, qos: 0), publish(version, qos: 1), publish(version, qos: 2), subscribe(version),
            unsubscribe(version), WirePacket("PINGREQ", version, 0xC0) { _ in }, disconnect(version),
        ] + acks.map { ack($0.0, $0.1, version) } + (version == .v5_0 ? [auth] : [])
    }

    static func publish(_ version: ProtocolVersion, qos: UInt8) -> WirePacket {
        WirePacket("PUBLISH QoS \(qos)", version, 0x30 | qos << 1) {
            $0.string("a/b")
            if qos > 0 { $0.integer(10) }
            $0.properties {
                $0.raw([0x01, 1, 0x02, 0, 0, 0, 9, 0x23, 0, 7, 0x03])
                $0.string("text")
                $0.byte(0x08)
                $0.string("answer")
                $0.byte(0x09)
                $0.binary([1, 2])
                userProperty(&$0)
            }
            $0.payload([1, 2, 3])
        }
    }

    private static func ack(_ name: String, _ firstByte: UInt8, _ version: ProtocolVersion) -> WirePacket {
        WirePacket(name, version, firstByte) {
            $0.integer(77)
            guard version == .v5_0 else { return }
            $0.end()
            $0.byte(0)
            $0.end()
            $0.properties {
                $0.byte(0x1F)
                $0.string("reason")
                userProperty(&$0)
            }
        }
    }

    private static func subscribe(_ version: ProtocolVersion) -> WirePacket {
        WirePacket("SUBSCRIBE", version, 0x82) {
            $0.integer(11)
            $0.properties {
                $0.raw([0x0B, 0x81, 0x01])
                userProperty(&$0)
            }
            $0.string("a/+/c")
            $0.byte(2)
            $0.end()
            $0.string("$share/g/#")
            $0.byte(version == .v5_0 ? 0b0001_1001 : 1)
        }
    }

    private static func unsubscribe(_ version: ProtocolVersion) -> WirePacket {
        WirePacket("UNSUBSCRIBE", version, 0xA2) {
            $0.integer(12)
            $0.properties { userProperty(&$0) }
            $0.string("a/+/c")
            $0.end()
            $0.string("b")
        }
    }

    private static func disconnect(_ version: ProtocolVersion) -> WirePacket {
        WirePacket("DISCONNECT", version, 0xE0) {
            guard version == .v5_0 else { return }
            $0.end()
            $0.byte(4)
            $0.end()
            $0.properties {
                $0.raw([0x11, 0, 0, 0, 0, 0x1F])
                $0.string("reason")
                userProperty(&$0)
            }
        }
    }

    private static var auth: WirePacket {
        WirePacket("AUTH", .v5_0, 0xF0) {
            $0.byte(0x18)
            $0.properties {
                $0.byte(0x15)
                $0.string("method")
                $0.byte(0x16)
                $0.binary([1])
                userProperty(&$0)
            }
        }
    }

    static func userProperty(_ packet: inout WirePacket) {
        packet.byte(0x26)
        packet.string("key")
        packet.string("value")
    }
}
