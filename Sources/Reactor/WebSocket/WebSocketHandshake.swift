internal import COpenSSL

/// The server's answer to the opening handshake [RFC 6455, 4.2.2].
enum WebSocketHandshake {
    /// What a request is answered with.
    enum Answer: Equatable {
        case accepted(response: String)
        case refused(status: UInt16, response: String)
    }

    static func answer(head: [UInt8], _ settings: WebSocketSettings) -> Answer {
        guard let request = WebSocketRequest(head: head) else { return refuse(400, "this is not an HTTP request") }
        guard request.method == "GET", request.version == "HTTP/1.1" else {
            return refuse(400, "a WebSocket begins with GET and HTTP/1.1 [RFC 6455, 4.1]")
        }
        guard request.path == settings.path else {
            return refuse(404, "nothing is here; MQTT over WebSocket is at \(settings.path)")
        }
        guard request.single("host") != nil, request.lists("websocket", in: "upgrade"),
            request.lists("upgrade", in: "connection")
        else { return refuse(426, "this path speaks WebSocket only", "Upgrade: websocket\r\n") }
        guard request.single("sec-websocket-version") == "13" else {
            return refuse(426, "WebSocket version 13 is spoken here", "Sec-WebSocket-Version: 13\r\n")
        }
        guard let key = request.single("sec-websocket-key"), isKey(key) else {
            return refuse(400, "Sec-WebSocket-Key has to be 16 bytes in Base64")
        }
        if request.fields.contains(where: { $0.name == "origin" }) {
            guard let origin = request.single("origin"), let host = request.single("host"),
                WebSocketOrigin.isAllowed(origin, host: host, settings)
            else {
                return refuse(403, "pages of this origin may not connect; 'origins' of the listener lists who may")
            }
        }
        let subprotocol = WebSocketSettings.subprotocol
        guard request.lists(subprotocol, in: "sec-websocket-protocol", exactCase: true) else {
            return refuse(400, "Sec-WebSocket-Protocol has to offer '\(subprotocol)' [MQTT-6.0.0-3]")
        }
        return .accepted(
            response: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Accept: \(acceptance(of: key))\r\nSec-WebSocket-Protocol: \(subprotocol)\r\n\r\n")
    }

    /// An answer that ends the connection.
    static func refuse(_ status: UInt16, _ words: String, _ field: String = "") -> Answer {
        let reason =
            switch status {
            case 403: "Forbidden"
            case 404: "Not Found"
            case 426: "Upgrade Required"
            case 431: "Request Header Fields Too Large"
            default: "Bad Request"
            }
        return .refused(
            status: status,
            response: "HTTP/1.1 \(status) \(reason)\r\n\(field)Connection: close\r\n"
                + "Content-Type: text/plain; charset=utf-8\r\nContent-Length: \(words.utf8.count + 1)\r\n\r\n\(words)\n"
        )
    }

    /// Sec-WebSocket-Accept: proof that the server read the key as a WebSocket's.
    static func acceptance(of key: String) -> String {
        let text = Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
        var digest = [UInt8](repeating: 0, count: 20)
        _ = EVP_Digest(text, text.count, &digest, nil, EVP_sha1(), nil)
        return Base64.encode(digest)
    }

    private static func isKey(_ key: String) -> Bool {
        let bytes = Array(key.utf8)
        return bytes.count == 24 && bytes.suffix(2).elementsEqual("==".utf8)
            && bytes.dropLast(2).allSatisfy(Base64.alphabet.contains)
    }
}

/// Base64 [RFC 4648, 4].
enum Base64 {
    static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits: UInt32 = 0
            for position in 0..<3 { bits = bits << 8 | (position < group.count ? UInt32(group[start + position]) : 0) }
            for position in 0..<4 {
                let isPadding = position > group.count
                text.append(isPadding ? UInt8(ascii: "=") : alphabet[Int(bits >> (18 - 6 * UInt32(position)) & 63)])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
