internal import COpenSSL

/// Why a filter of this module ended a stream: the code in `CloseReason.filter` and its words.
///
/// The upper half says which layer speaks: 1 TLS (the lower half is OpenSSL's reason), 2 WebSocket (the close code, or
/// the HTTP status the handshake was answered with), 3 the PROXY protocol.
public enum FilterFailure {
    private static let tls: Int32 = 1 << 16
    private static let webSocket: Int32 = 2 << 16
    private static let proxy: Int32 = 3 << 16

    static func tls(reason: Int32) -> Int32 { tls | (reason & 0xFFFF) }
    static func webSocket(_ code: UInt16) -> Int32 { webSocket | Int32(code) }
    static let proxyHeader = proxy | 1

    /// The failure for a person, such as `TLS: no shared cipher`.
    public static func text(of code: Int32) -> String {
        let low = code & 0xFFFF
        switch code & ~0xFFFF {
        case tls:
            guard low != 0, let words = ERR_reason_error_string(copenssl_tls_error(low)) else {
                return "TLS: the peer ended the handshake"
            }
            return "TLS: " + String(cString: words)
        case webSocket where low < 1000: return "WebSocket: handshake refused with HTTP status \(low)"
        case webSocket: return "WebSocket: closed with code \(low)"
        case proxy: return "PROXY protocol: the header is missing or malformed"
        default: return "closed by a stream filter, code \(code)"
        }
    }
}
