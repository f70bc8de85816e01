import MQTTCodec

/// A packet put together field by field, which knows where its length fields are and where else it might end.
struct WirePacket: CustomStringConvertible {
    /// A field that says how long another one is.
    struct LengthField {
        /// Offset in the body.
        let offset: Int
        /// 2 for strings and binary data, 1 for a block of properties.
        let width: Int
    }

    let name: String
    let version: ProtocolVersion
    let firstByte: UInt8
    private(set) var body: [UInt8] = []
    private(set) var lengths: [LengthField] = []
    /// Lengths of the body, shorter than all of it, at which the packet is whole as well.
    private(set) var otherEnds: Set<Int> = []

    var description: String { "\(name) of MQTT \(version)" }
    var bytes: [UInt8] { WirePacket.frame(firstByte, body) }

    init(_ name: String, _ version: ProtocolVersion, _ firstByte: UInt8, _ fill: (inout WirePacket) -> Void) {
        self.name = name
        self.version = version
        self.firstByte = firstByte
        fill(&self)
    }

    /// A packet around `body`; the Remaining Length has one to four bytes.
    static func frame(_ firstByte: UInt8, _ body: [UInt8]) -> [UInt8] {
        var length: [UInt8] = []
        var rest = body.count
        repeat {
            length.append(UInt8(rest & 0x7F) | (rest > 0x7F ? 0x80 : 0))
            rest >>= 7
        } while rest > 0
        return [firstByte] + length + body
    }

    mutating func byte(_ value: UInt8) { body.append(value) }

    mutating func raw(_ bytes: [UInt8]) { body += bytes }

    mutating func integer(_ value: UInt16) { body += [UInt8(value >> 8), UInt8(value & 0xFF)] }

    mutating func string(_ text: String) { binary(Array(text.utf8)) }

    mutating func binary(_ bytes: [UInt8]) {
        lengths.append(LengthField(offset: body.count, width: 2))
        integer(UInt16(bytes.count))
        body += bytes
    }

    /// The properties of MQTT 5.0; nothing in 3.1.1.
    mutating func properties(_ fill: (inout WirePacket) -> Void = { _ in }) {
        guard version == .v5_0 else { return }
        lengths.append(LengthField(offset: body.count, width: 1))
        let start = body.count
        body.append(0)
        fill(&self)
        body[start] = UInt8(body.count - start - 1)
    }

    /// The packet might end here.
    mutating func end() { otherEnds.insert(body.count) }

    /// From here on it might end anywhere.
    mutating func payload(_ bytes: [UInt8]) {
        otherEnds.formUnion(body.count...(body.count + bytes.count))
        body += bytes
    }
}
