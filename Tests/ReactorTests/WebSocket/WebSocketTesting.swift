@testable import Reactor

/// Frames as a client sends them, made without the code under test.
struct ClientFrame {
    var opcode: UInt8
    var payload: [UInt8] = []
    var isFinal = true
    var isMasked = true
    var reserved: UInt8 = 0
    /// Forces a longer form of the length: 126 or 127.
    var lengthForm: UInt8?
    var mask: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]

    static func binary(_ payload: [UInt8], isFinal: Bool = true) -> [UInt8] {
        ClientFrame(opcode: 2, payload: payload, isFinal: isFinal).bytes
    }

    static func continuation(_ payload: [UInt8], isFinal: Bool = true) -> [UInt8] {
        ClientFrame(opcode: 0, payload: payload, isFinal: isFinal).bytes
    }

    static func ping(_ payload: [UInt8] = []) -> [UInt8] { ClientFrame(opcode: 9, payload: payload).bytes }

    static func close(_ code: UInt16, _ reason: [UInt8] = []) -> [UInt8] {
        ClientFrame(opcode: 8, payload: [UInt8(code >> 8), UInt8(code & 0xFF)] + reason).bytes
    }

    var bytes: [UInt8] {
        var result = [(isFinal ? 0x80 : 0) | reserved | opcode]
        let count = payload.count
        let form = lengthForm ?? (count <= 125 ? UInt8(count) : count <= 0xFFFF ? 126 : 127)
        result.append((isMasked ? 0x80 : 0) | form)
        let lengthBytes = form == 126 ? 2 : form == 127 ? 8 : 0
        for position in (0..<lengthBytes).reversed() {
            result.append(UInt8(truncatingIfNeeded: count >> (8 * position)))
        }
        guard isMasked else { return result + payload }
        return result + mask + payload.enumerated().map { $1 ^ mask[$0 % 4] }
    }
}

/// An opening handshake with some of its lines changed; nil leaves a line out.
func openingRequest(_ path: String = "/mqtt", _ changes: [String: String?] = [:], first: String? = nil) -> String {
    var lines: [(String, String)] = [
        ("Host", "localhost:8083"), ("Upgrade", "websocket"), ("Connection", "keep-alive, Upgrade"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Protocol", "mqttv3.1, mqtt"),
    ]
    for (name, value) in changes {
        lines.removeAll { $0.0 == name }
        if let value { lines.append((name, value)) }
    }
    return (first ?? "GET \(path) HTTP/1.1") + "\r\n" + lines.map { "\($0): \($1)\r\n" }.joined() + "\r\n"
}

extension FilterBench {
    /// A WebSocket that is open.
    static func openWebSocket(_ packetLength: PacketLength? = nil) -> FilterBench {
        var settings = WebSocketSettings(path: "/mqtt")
        settings.packetLength = packetLength
        let bench = FilterBench(settings.makeFilter())
        bench.receive(openingRequest())
        _ = bench.takeWire()
        return bench
    }
}
