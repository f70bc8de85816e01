import MQTTCodec

/// One packet of the table: its bytes and what reading them gives. Decoding, encoding, truncation, splitting and
/// mutation tests all loop over ``all``.
struct PacketCase: Sendable, CustomStringConvertible {
    enum Expectation: Sendable {
        case packet(Packet)
        case error(DecodeError.Kind, at: Int, ReasonCode)
    }

    let name: String
    let version: ProtocolVersion
    let role: PacketRole
    let bytes: [UInt8]
    let expectation: Expectation
    /// Whether encoding the value gives `bytes` back; false for packets in a longer form than needed.
    let isShortest: Bool

    var description: String { "\(name) (\(version), \(role))" }

    var packet: Packet? {
        if case .packet(let packet) = expectation { packet } else { nil }
    }

    /// A packet that is accepted.
    static func accept(
        _ name: String, _ version: ProtocolVersion, _ role: PacketRole, _ bytes: String, isShortest: Bool = true,
        _ packet: Packet
    ) -> PacketCase {
        PacketCase(
            name: name, version: version, role: role, bytes: wire(bytes), expectation: .packet(packet),
            isShortest: isShortest)
    }

    /// A packet that is refused with the error `kind` at byte `offset`.
    static func refuse(
        _ name: String, _ version: ProtocolVersion, _ role: PacketRole, _ bytes: String, _ kind: DecodeError.Kind,
        at offset: Int, _ reason: ReasonCode = .malformedPacket
    ) -> PacketCase {
        PacketCase(
            name: name, version: version, role: role, bytes: wire(bytes),
            expectation: .error(kind, at: offset, reason), isShortest: true)
    }

    static let accepted = all.filter { $0.packet != nil }
    static let refused = all.filter { $0.packet == nil }

    static let all: [PacketCase] =
        connect + connectErrors + connack + publish + publishErrors + acks + subscribe + suback + unsubscribe
        + disconnect + auth + fixedHeader
}

/// Bytes from a readable notation: pairs of hexadecimal digits, and text in single quotes; blanks are ignored.
/// `wire("0002 'hi' FF")` is `[0, 2, 0x68, 0x69, 0xFF]`.
func wire(_ notation: String) -> [UInt8] {
    var bytes: [UInt8] = []
    var high: UInt8?
    var isText = false
    for character in notation.utf8 {
        if character == UInt8(ascii: "'") {
            isText.toggle()
        } else if isText {
            bytes.append(character)
        } else if let digit = Character(UnicodeScalar(character)).hexDigitValue {
            let value = UInt8(digit)
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        } else {
            precondition(character == UInt8(ascii: " "), "only digits, quotes and blanks: \(notation)")
        }
    }
    precondition(high == nil && !isText, "a byte or a text is cut short: \(notation)")
    return bytes
}

/// The UTF-8 bytes of a text.
func utf8(_ text: String) -> [UInt8] { Array(text.utf8) }

/// Hands over memory that holds exactly these bytes: under the address sanitizer a read of one too many is a fault.
func withExactBytes<Value>(_ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) -> Value) -> Value {
    let exact = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    defer { exact.deallocate() }
    exact.copyBytes(from: bytes)
    return body(UnsafeRawBufferPointer(exact))
}

/// Reads one packet.
func decode(_ bytes: [UInt8], _ version: ProtocolVersion, _ role: PacketRole) throws(DecodeError) -> Packet {
    let result = withExactBytes(bytes) { raw in
        Result { () throws(DecodeError) in try Packet.decode(frame: raw, version: version, role: role) }
    }
    return try result.get()
}

/// The error that reading `bytes` gives, or nil when it succeeds.
func decodeError(_ bytes: [UInt8], _ version: ProtocolVersion, _ role: PacketRole) -> DecodeError? {
    do throws(DecodeError) {
        _ = try decode(bytes, version, role)
        return nil
    } catch {
        return error
    }
}

/// A packet of `firstByte` around `body`, with its Remaining Length (below 16,384).
func frame(_ firstByte: UInt8, _ body: [UInt8]) -> [UInt8] {
    precondition(body.count < 16_384, "two bytes of Remaining Length are enough for the tests")
    let length =
        body.count < 128
        ? [UInt8(body.count)] : [UInt8(body.count & 0x7F) | 0x80, UInt8(body.count >> 7)]
    return [firstByte] + length + body
}
