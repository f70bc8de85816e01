// HOT PATH: payloads are unmasked on the way into the plain sink, output gets one header per write; nothing is kept of
// a frame but its header, however large it is.
import Glibc

/// The server's side of one WebSocket [RFC 6455]: MQTT in binary frames, packets and frames independent of each other
/// [MQTT-6.0.0-2].
final class UnsafeWebSocketFilter: StreamFilter {
    private enum Phase {
        case handshake, open, closed
    }

    private let settings: WebSocketSettings
    private var phase = Phase.handshake
    /// The request's head, later the beginning of a frame's header; without memory when there is neither.
    private var head = UnsafeByteSink()
    /// The frame whose payload is being read, and how much of that has come.
    private var frame: WebSocketFrameHeader?
    private var received = 0
    /// A message was begun by a frame that was not its last.
    private var isFragmented = false
    /// Payload of the control frame at hand, 125 bytes at most.
    private var control: [UInt8] = []
    /// The last ping that was not answered because the peer does not read [RFC 6455, 5.5.3].
    private var owedPong: [UInt8]?
    /// Bytes that are still owed to the frame that was begun last: nothing else may come before them.
    private var unwritten = 0
    /// The beginning of a packet that does not tell its length yet.
    private var beginning: [UInt8] = []

    init(_ settings: WebSocketSettings) {
        self.settings = settings
        super.init()
    }

    deinit {
        head.destroy()
    }

    override var acceptsPlain: Bool { phase == .open }

    override func decode(
        _ bytes: UnsafeRawBufferPointer, plain: inout UnsafeByteSink, wire: inout UnsafeByteSink
    ) -> FilterStatus {
        var rest = bytes
        if phase == .handshake {
            guard let status = shakeHands(&rest, &wire) else { return .open }
            if case .failed = status { return status }
        }
        if !isBacklogged, unwritten == 0 { payOwedPong(&wire) }
        while phase == .open, rest.count > 0 || isPayloadComplete {
            if frame == nil {
                if let code = readHeader(&rest) { return fail(code, &wire) }
                if frame == nil { return .open }
            }
            takePayload(&rest, &plain)
            if isPayloadComplete, let status = endFrame(&wire) { return status }
        }
        // What a peer says after its last word is not heard.
        return phase == .closed ? .ended : .open
    }

    override func encode(_ bytes: UnsafeRawBufferPointer, wire: inout UnsafeByteSink) {
        guard let packetLength = settings.packetLength else {
            payOwedPong(&wire)
            WebSocketFrameHeader.append(.binary, payloadBytes: bytes.count, to: &wire)
            wire.append(bytes)
            return
        }
        guard !beginning.isEmpty else { return encodePackets(bytes, packetLength, &wire) }
        let whole = beginning + bytes
        beginning = []
        whole.withUnsafeBytes { encodePackets($0, packetLength, &wire) }
    }

    /// A frame for each packet. The specification lets a frame hold many [MQTT-6.0.0-2], but clients that people have
    /// (Paho C 1.3.12 of Debian 12 is one) do not see the second before something else comes.
    private func encodePackets(
        _ bytes: UnsafeRawBufferPointer, _ packetLength: PacketLength, _ wire: inout UnsafeByteSink
    ) {
        var rest = bytes
        while rest.count > 0 {
            if unwritten == 0 {
                payOwedPong(&wire)
                guard let length = packetLength.find(rest) else {
                    beginning = Array(rest)
                    return
                }
                unwritten = length
                WebSocketFrameHeader.append(.binary, payloadBytes: length, to: &wire)
            }
            let count = min(unwritten, rest.count)
            wire.append(UnsafeRawBufferPointer(rebasing: rest.prefix(count)))
            unwritten -= count
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
        }
        if unwritten == 0 { payOwedPong(&wire) }
    }

    override func finish(wire: inout UnsafeByteSink) {
        // In the middle of a frame there is no room for a farewell.
        guard phase == .open, unwritten == 0 else { return }
        close(WebSocketCloseCode.normal, &wire)
    }

    // MARK: Handshake

    /// Collects the request and answers it; nil until it is whole. The bytes behind it are left in `rest`.
    private func shakeHands(_ rest: inout UnsafeRawBufferPointer, _ wire: inout UnsafeByteSink) -> FilterStatus? {
        let before = head.count
        head.append(UnsafeRawBufferPointer(rebasing: rest.prefix(settings.maximumHeadBytes + 4 - before)))
        guard let end = endOfHead(from: before) else {
            // Whoever does not speak HTTP is told at once instead of keeping a place until the time is over.
            guard head.bytes.starts(with: "GET ".utf8.prefix(head.count)) else {
                return refuse(WebSocketHandshake.refuse(400, "this port speaks WebSocket; begin with GET"), &wire)
            }
            guard head.count < settings.maximumHeadBytes + 4 else {
                return refuse(WebSocketHandshake.refuse(431, "the head of the request is too long"), &wire)
            }
            return nil
        }
        let request = Array(head.bytes.prefix(end - 4))
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(end - before))
        head.destroy()
        let answer = WebSocketHandshake.answer(head: request, settings)
        guard case .accepted(let response) = answer else { return refuse(answer, &wire) }
        Array(response.utf8).withUnsafeBytes { wire.append($0) }
        phase = .open
        return .open
    }

    /// Position behind the empty line; `known` bytes were looked through before.
    private func endOfHead(from known: Int) -> Int? {
        let bytes = head.bytes
        var position = max(3, known)
        while position < bytes.count {
            if bytes[position] == 0x0A, bytes[position - 1] == 0x0D, bytes[position - 2] == 0x0A,
                bytes[position - 3] == 0x0D
            {
                return position + 1
            }
            position += 1
        }
        return nil
    }

    private func refuse(_ answer: WebSocketHandshake.Answer, _ wire: inout UnsafeByteSink) -> FilterStatus {
        guard case .refused(let status, let response) = answer else { return .open }
        Array(response.utf8).withUnsafeBytes { wire.append($0) }
        head.destroy()
        phase = .closed
        return .failed(FilterFailure.webSocket(status))
    }

    // MARK: Frames

    private var isPayloadComplete: Bool { frame.map { received == $0.payloadBytes } ?? false }

    /// Reads the next header, whole or in pieces; answers a close code when the rules are broken.
    private func readHeader(_ rest: inout UnsafeRawBufferPointer) -> UInt16? {
        let kept = head.count
        let result: WebSocketFrameHeader.Result
        if kept == 0 {
            result = WebSocketFrameHeader.read(rest)
        } else {
            head.append(UnsafeRawBufferPointer(rebasing: rest.prefix(WebSocketFrameHeader.maximumBytes - kept)))
            result = WebSocketFrameHeader.read(head.bytes)
        }
        switch result {
        case .malformed(let code): return code
        case .needMore:
            if kept == 0 { head.append(rest) }
            rest = UnsafeRawBufferPointer(rebasing: rest[rest.endIndex...])
            return nil
        case .header(let header, let length):
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(length - kept))
            if kept > 0 { head.destroy() }
            return begin(header)
        }
    }

    /// Whether a frame may come now; answers a close code when it may not.
    private func begin(_ header: WebSocketFrameHeader) -> UInt16? {
        switch header.opcode {
        case .text: return WebSocketCloseCode.unsupportedData
        case .binary where isFragmented, .continuation where !isFragmented: return WebSocketCloseCode.protocolError
        case .binary, .continuation: isFragmented = !header.isFinal
        case .close, .ping, .pong: control = []
        }
        frame = header
        received = 0
        return nil
    }

    private func takePayload(_ rest: inout UnsafeRawBufferPointer, _ plain: inout UnsafeByteSink) {
        guard let frame else { return }
        let count = min(rest.count, frame.payloadBytes - received)
        guard count > 0 else { return }
        let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(count))
        let offset = received
        if frame.opcode.isControl {
            control.append(contentsOf: piece)
            for position in (control.count - count)..<control.count {
                control[position] ^= UInt8(truncatingIfNeeded: frame.mask >> (UInt32(position & 3) * 8))
            }
        } else {
            plain.append(room: count) { room in
                if let target = room.baseAddress {
                    WebSocketMask.copy(piece, to: target, mask: frame.mask, offset: offset)
                }
                return count
            }
        }
        received += count
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
    }

    /// The frame is whole; answers a status when the WebSocket ends with it.
    private func endFrame(_ wire: inout UnsafeByteSink) -> FilterStatus? {
        guard let opcode = frame?.opcode else { return nil }
        frame = nil
        switch opcode {
        case .ping:
            owedPong = control
            if !isBacklogged, unwritten == 0 { payOwedPong(&wire) }
        case .close: return peerCloses(&wire)
        default: break
        }
        if opcode.isControl { control = [] }
        return nil
    }

    private func payOwedPong(_ wire: inout UnsafeByteSink) {
        guard let payload = owedPong else { return }
        owedPong = nil
        WebSocketFrameHeader.append(.pong, payloadBytes: payload.count, to: &wire)
        payload.withUnsafeBytes { wire.append($0) }
    }

    // MARK: Closing

    private func peerCloses(_ wire: inout UnsafeByteSink) -> FilterStatus {
        guard !control.isEmpty else {
            close(nil, &wire)
            return .ended
        }
        guard control.count >= 2 else { return fail(WebSocketCloseCode.protocolError, &wire) }
        let code = UInt16(control[0]) << 8 | UInt16(control[1])
        guard WebSocketCloseCode.isValid(code) else { return fail(WebSocketCloseCode.protocolError, &wire) }
        guard String(validating: control.dropFirst(2), as: UTF8.self) != nil else {
            return fail(WebSocketCloseCode.invalidPayload, &wire)
        }
        close(code, &wire)
        return .ended
    }

    private func fail(_ code: UInt16, _ wire: inout UnsafeByteSink) -> FilterStatus {
        close(code, &wire)
        return .failed(FilterFailure.webSocket(code))
    }

    private func close(_ code: UInt16?, _ wire: inout UnsafeByteSink) {
        phase = .closed
        guard unwritten == 0 else { return }
        WebSocketFrameHeader.append(.close, payloadBytes: code == nil ? 0 : 2, to: &wire)
        guard let code else { return }
        withUnsafeBytes(of: code.bigEndian) { wire.append($0) }
    }
}
