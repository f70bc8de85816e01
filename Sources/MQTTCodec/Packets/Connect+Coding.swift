private let protocolName: [UInt8] = Array("MQTT".utf8)
/// The name up to MQTT 3.1, whose level is 3.
private let oldProtocolName: [UInt8] = Array("MQIsdp".utf8)

extension Connect {
    /// Reads a CONNECT packet, which names its own version.
    /// - Parameters:
    ///   - frame: exactly one packet; borrowed during the call.
    ///   - lenient: pass over Will QoS and Will Retain without the Will Flag (they are ignored), and a 3.1.1 password
    ///     without a user name.
    /// - Throws: what is wrong; `unsupportedProtocolName` and `unsupportedProtocolVersion` before anything that follows
    ///   those fields is looked at, so that the Server can answer with a CONNACK ([MQTT-3.1.2-1], [MQTT-3.1.2-2]).
    public static func decode(
        frame: UnsafeRawBufferPointer, lenient: Bool = false
    ) throws(DecodeError) -> Connect {
        // What stands in front of the version reads the same in both. Errors there are told in its terms if it can be
        // read all the same, because a 3.1.1 client gets no CONNACK [MQTT-3.1.4-1]; else in those of 5.0.
        var prefix = try UnsafeByteReader(
            packet: frame, expecting: .connect, version: announcedVersion(frame) ?? .v5_0, minimal: false)
        let version = try decodeVersion(&prefix)
        if version == .v5_0 {
            // Only now is it known that the Remaining Length must be minimal [MQTT-1.5.5-1].
            _ = try UnsafeByteReader(packet: frame, expecting: .connect, version: version)
        }
        var reader = UnsafeByteReader(
            frame: prefix.frame, from: prefix.position, to: prefix.end, version: version, packet: .connect)
        return try decodeBody(&reader, lenient)
    }

    /// The version that a CONNECT names, when it has come as far as that: for the answer to one that is wrong in
    /// another place, or too large to be waited for.
    /// - Parameter packet: the first bytes of a packet, or all; borrowed during the call.
    public static func announcedVersion(_ packet: UnsafeRawBufferPointer) -> ProtocolVersion? {
        guard packet.first.map({ $0 >> 4 }) == PacketType.connect.rawValue else { return nil }
        guard let last = packet.dropFirst().prefix(4).firstIndex(where: { $0 < 0x80 }) else { return nil }
        let start = packet[(last + 1)...].prefix(protocolName.count + 3)
        guard start.prefix(protocolName.count + 2).elementsEqual([0, UInt8(protocolName.count)] + protocolName) else {
            return nil
        }
        return start.dropFirst(protocolName.count + 2).first.flatMap { ProtocolVersion(rawValue: $0) }
    }

    private static func decodeVersion(_ reader: inout UnsafeByteReader) throws(DecodeError) -> ProtocolVersion {
        let start = reader.position
        let name = try reader.readBinary(.protocolName)
        guard reader.bytes(name) == protocolName else {
            if reader.bytes(name) == oldProtocolName, reader.remaining > 0 {
                let level = try reader.readByte(.protocolVersion)
                if ProtocolVersion(rawValue: level) == nil {
                    throw reader.error(.unsupportedProtocolVersion(level), .protocolVersion, at: reader.position - 1)
                }
            }
            throw reader.error(.unsupportedProtocolName, .protocolName, at: start)
        }
        let level = try reader.readByte(.protocolVersion)
        guard let version = ProtocolVersion(rawValue: level) else {
            throw reader.error(.unsupportedProtocolVersion(level), .protocolVersion, at: reader.position - 1)
        }
        return version
    }

    private static func decodeBody(
        _ reader: inout UnsafeByteReader, _ lenient: Bool
    ) throws(DecodeError) -> Connect {
        let flags = try decodeFlags(&reader, lenient)
        let keepAlive = try reader.readUInt16(.keepAlive)
        let properties = try Properties.decode(&reader, in: .connect, from: .fromClient)
        let clientID = reader.bytes(try reader.readString(.clientID))
        var connect = Connect(
            version: reader.version, clientID: clientID, cleanStart: flags.contains(.cleanStart),
            keepAlive: keepAlive, properties: properties)
        if flags.contains(.will) {
            let properties = try Properties.decode(&reader, in: .will, from: .fromClient)
            let topic = reader.bytes(try reader.readTopicName(.willTopic))
            let payload = reader.bytes(try reader.readBinary(.willPayload))
            connect.will = Will(
                topic: topic, payload: payload, qos: flags.willQoS, retain: flags.contains(.willRetain),
                properties: properties)
        }
        if flags.contains(.userName) { connect.userName = reader.bytes(try reader.readString(.userName)) }
        if flags.contains(.password) { connect.password = reader.bytes(try reader.readBinary(.password)) }
        try reader.expectEnd(after: .payload)
        return connect
    }

    private static func decodeFlags(
        _ reader: inout UnsafeByteReader, _ lenient: Bool
    ) throws(DecodeError) -> ConnectFlags {
        let offset = reader.position
        let flags = ConnectFlags(rawValue: try reader.readByte(.connectFlags))
        let problem: DecodeError.Kind? =
            if flags.contains(.reserved) {
                .reservedConnectFlag
            } else if flags.willQoS == 3 {
                .invalidQoS
            } else if lenient {
                nil
            } else if flags.willQoS != 0 && !flags.contains(.will) {
                .willQoSWithoutWill
            } else if flags.contains(.willRetain) && !flags.contains(.will) {
                .willRetainWithoutWill
            } else if flags.contains(.password) && !flags.contains(.userName) && reader.version == .v3_1_1 {
                .passwordWithoutUserName
            } else {
                nil
            }
        if let problem { throw reader.error(problem, .connectFlags, at: offset) }
        return flags
    }

    /// Appends the packet to `writer`, in the version it names itself.
    public func encode(into writer: inout ByteWriter) {
        writer.writePacket(PacketType.connect.firstByte) { writer in
            writer.writePrefixed(protocolName)
            writer.write(version.rawValue)
            writer.write(flags)
            writer.write(keepAlive)
            if version == .v5_0 { properties.encode(into: &writer, in: .connect) }
            writer.writePrefixed(clientID)
            if let will {
                if version == .v5_0 { will.properties.encode(into: &writer, in: .will) }
                writer.writePrefixed(will.topic)
                writer.writePrefixed(will.payload)
            }
            if let userName { writer.writePrefixed(userName) }
            if let password { writer.writePrefixed(password) }
        }
    }

    private var flags: UInt8 {
        var flags: ConnectFlags = cleanStart ? .cleanStart : []
        if let will {
            flags.formUnion(.will)
            if will.retain { flags.formUnion(.willRetain) }
        }
        if userName != nil { flags.formUnion(.userName) }
        if password != nil { flags.formUnion(.password) }
        return flags.rawValue | (will?.qos ?? 0) << 3
    }
}
