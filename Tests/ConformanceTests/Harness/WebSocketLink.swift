import Glibc

/// MQTT over WebSocket [RFC 6455], frames made by hand, so that a case can make wrong ones.
final class WebSocketLink: Link {
    /// Opcodes of frames.
    enum Opcode: UInt8 {
        case continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10
    }

    /// Status line and fields of the answer to the handshake.
    private(set) var head = ""
    private let stream: TCPLink
    private var input: [UInt8] = []

    /// Asks for a WebSocket; what the server answers is in ``head``.
    init(port: UInt16, subprotocols: String? = "mqtt") throws {
        stream = try TCPLink(port: port)
        let offer = subprotocols.map { "Sec-WebSocket-Protocol: \($0)\r\n" } ?? ""
        let request =
            "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\(offer)\r\n"
        stream.send(request.bytes)
        while !head.hasSuffix("\r\n\r\n") {
            if input.isEmpty {
                guard let bytes = stream.receive(), !bytes.isEmpty else {
                    throw Unmet("the handshake is not answered: \(head)", line: #line)
                }
                input = bytes
            }
            head.unicodeScalars.append(Unicode.Scalar(input.removeFirst()))
        }
    }

    /// The server speaks WebSocket from here on.
    var isAccepted: Bool { head.hasPrefix("HTTP/1.1 101 ") }

    func send(_ bytes: [UInt8]) { send(.binary, bytes) }

    /// One frame, masked as those of clients are.
    func send(_ opcode: Opcode, _ payload: [UInt8], isFinal: Bool = true) {
        let key: [UInt8] = [0x12, 0x34, 0x56, 0x78]
        var frame = [opcode.rawValue | (isFinal ? 0x80 : 0)]
        if payload.count < 126 {
            frame.append(0x80 | UInt8(payload.count))
        } else {
            frame += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        }
        frame += key
        frame += payload.enumerated().map { $1 ^ key[$0 % 4] }
        stream.send(frame)
    }

    /// What binary frames carry. A frame of another kind ends the stream, as a client would end it.
    func receive() -> [UInt8]? {
        while true {
            if let frame = takeFrame() {
                guard frame.opcode == Opcode.binary.rawValue else { return [] }
                if !frame.payload.isEmpty { return frame.payload }
            } else {
                guard let bytes = stream.receive() else { return nil }
                if bytes.isEmpty { return [] }
                input += bytes
            }
        }
    }

    func cut() { stream.cut() }

    /// The next frame of the server, once it is whole: not masked, and short of 65,536 bytes.
    private func takeFrame() -> (opcode: UInt8, payload: [UInt8])? {
        guard input.count >= 2 else { return nil }
        let isLong = input[1] == 126
        guard !isLong || input.count >= 4 else { return nil }
        let length = isLong ? Int(input[2]) << 8 | Int(input[3]) : Int(input[1])
        let start = isLong ? 4 : 2
        guard input.count >= start + length else { return nil }
        defer { input.removeFirst(start + length) }
        return (input[0] & 0x0F, Array(input[start..<(start + length)]))
    }
}
