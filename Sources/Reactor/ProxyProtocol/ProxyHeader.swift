/// The header of the PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt, sections 2.1 and 2.2): what a
/// proxy says about the client it speaks for.
enum ProxyHeader: Equatable {
    /// Bytes of the longest header accepted; extensions behind the addresses are skipped.
    static let maximumBytes = 2048
    private static let longestLine = 107
    private static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]

    case needMore
    /// The header is `bytes` long; nil for a connection of the proxy itself, or of a kind that has no address here.
    case header(SocketAddress?, bytes: Int)
    case malformed

    /// Reads a header from the front of what has arrived; says `malformed` with the first byte that does not fit.
    static func read(_ bytes: some RandomAccessCollection<UInt8>) -> ProxyHeader {
        let bytes = Array(bytes.prefix(maximumBytes))
        guard let first = bytes.first else { return .needMore }
        return first == signature[0] ? readBinary(bytes) : readLine(bytes)
    }

    // MARK: Version 1

    private static func readLine(_ bytes: [UInt8]) -> ProxyHeader {
        let start = Array("PROXY ".utf8)
        guard bytes.starts(with: start.prefix(bytes.count)) else { return .malformed }
        guard let end = bytes.prefix(longestLine).firstIndex(of: 0x0A) else {
            return bytes.count >= longestLine ? .malformed : .needMore
        }
        guard bytes[end - 1] == 0x0D else { return .malformed }
        let words = String(decoding: bytes[..<(end - 1)], as: UTF8.self).split(
            separator: " ", omittingEmptySubsequences: false
        ).map(String.init)
        if words.count >= 2, words[1] == "UNKNOWN" { return .header(nil, bytes: end + 1) }
        guard words.count == 6, words[1] == "TCP4" || words[1] == "TCP6", let port = UInt16(words[4]),
            UInt16(words[5]) != nil, let address = SocketAddress(host: words[2], port: port),
            SocketAddress(host: words[3], port: 0) != nil, words[2].contains(":") == (words[1] == "TCP6")
        else { return .malformed }
        return .header(address, bytes: end + 1)
    }

    // MARK: Version 2

    private static func readBinary(_ bytes: [UInt8]) -> ProxyHeader {
        guard bytes.starts(with: signature.prefix(bytes.count)) else { return .malformed }
        guard bytes.count > signature.count else { return .needMore }
        let command = bytes[12]
        guard command == 0x20 || command == 0x21 else { return .malformed }
        guard bytes.count >= 16 else { return .needMore }
        let length = 16 + (Int(bytes[14]) << 8 | Int(bytes[15]))
        guard length <= maximumBytes else { return .malformed }
        guard bytes.count >= length else { return .needMore }
        // 0 is LOCAL: the proxy itself, such as its health check.
        guard command == 0x21 else { return .header(nil, bytes: length) }
        switch bytes[13] {
        case 0x11:
            guard length >= 16 + 12 else { return .malformed }
            let address = bytes[16..<20].reduce(0) { $0 << 8 | UInt32($1) }
            return .header(.ipv4(address, port: port(bytes, 24)), bytes: length)
        case 0x21:
            guard length >= 16 + 36 else { return .malformed }
            let high = bytes[16..<24].reduce(0) { $0 << 8 | UInt64($1) }
            let low = bytes[24..<32].reduce(0) { $0 << 8 | UInt64($1) }
            if high == 0, low >> 32 == 0xFFFF {
                return .header(.ipv4(UInt32(truncatingIfNeeded: low), port: port(bytes, 48)), bytes: length)
            }
            return .header(.ipv6(high: high, low: low, scope: 0, port: port(bytes, 48)), bytes: length)
        case 0x00, 0x31: return .header(nil, bytes: length)
        default: return .malformed
        }
    }

    private static func port(_ bytes: [UInt8], _ position: Int) -> UInt16 {
        UInt16(bytes[position]) << 8 | UInt16(bytes[position + 1])
    }
}
