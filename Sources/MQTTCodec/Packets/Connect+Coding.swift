private let protocolName: [UInt8] = Array("MQTT".utf8)

extension Connect {
    /// Reads a CONNECT packet, which names its own version.
    /// - Parameter frame: exactly one packet; borrowed during the call.
    /// - Throws: what is wrong; `unsupportedProtocolName` and `unsupportedProtocolVersion` before anything that follows
    ///   those fields is looked at, so that the Server can answer with a CONNACK ([MQTT-3.1.2-1], [MQTT-3.1.2-2]).
    public static func decode(frame: UnsafeRawBufferPointer) throws(DecodeError) -> Connect {
        // What stands in front of the version reads the same in both. Errors there are told in its terms if it can be
        // read all the same, because a 3.1.1 client gets no CONNACK [MQTT-3.1.4-1]; else in those of 5.0.
        var prefix = try UnsafeByteReader(
            packet: frame, expecting: .connect, version: namedVersion(frame) ?? .v5_0, minimal: false)
        let version = try decodeVersion(&prefix)
        if version == .v5_0 {
            // Only now is it known that the Remaining Length must be minimal [MQTT-1.5.5-1].
            _ = try UnsafeByteReader(packet: frame, expecting: .connect, version: version)
        }
        var reader = UnsafeByteReader(
            frame: prefix.frame, from: prefix.position, to: prefix.end, version: version, packet: .connect)
        return try decodeBody(&reader)
    }

    /// The version at its place, if the frame goes as far as that.
    private static func namedVersion(_ frame: UnsafeRawBufferPointer) -> ProtocolVersion? {
        guard let start = frame.baseAddress,
            case .frame(let length, let body) = FrameScan.scan(
                start, count: frame.count, maximumPacketSize: .max, minimal: false),
            length >= body + 7, frame[(body + 2)..<(body + 6)].elementsEqual(protocolName)
        else { return nil }
        return ProtocolVersion(rawValue: frame[body + 6])
    }

    private static func decodeVersion(_ reader: inout UnsafeByteReader) throws(DecodeError) -> ProtocolVersion {
        let start = reader.position
        let name = try reader.readBinary(.protocolName)
        guard reader.bytes(name) == protocolName else {
            throw reader.error(.unsupportedProtocolName, .protocolName, at: start)
        }
        let level = try reader.readByte(.protocolVersion)
        guard let version = ProtocolVersion(rawValue: level) else {
            throw reader.error(.unsupportedProtocolVersion(level), .protocolVersion, at: reader.position - 1)
        }
        return version
    }

    private static func decodeBody(_ reader: inout UnsafeByteReader) throws(DecodeError) -> Connect {
        let flags = try decodeFlags(&reader)
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

    private static func decodeFlags(_ reader: inout UnsafeByteReader) throws(DecodeError) -> ConnectFlags {
        let offset = reader.position
        let flags = ConnectFlags(rawValue: try reader.readByte(.connectFlags))
        let problem: DecodeError.Kind? =
            if flags.contains(.reserved) {
                .reservedConnectFlag
            } else if flags.willQoS == 3 {
                .invalidQoS
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
