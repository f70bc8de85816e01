/// Where the plugin listens, as the setting `bind` writes it: `localhost:9883`, `10.0.0.5:9883`, `[::1]:0`, `*:9883`.
struct BindAddress: Equatable, Sendable {
    /// An address, a name, `localhost` (127.0.0.1 and ::1), or `*` for every address of the machine.
    var host: String
    /// 0 takes a free one.
    var port: UInt16

    /// - Returns: `nil` when it is not such a text.
    init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }) else {
            return nil
        }
        self.init(host: String(host), port: port)
    }

    init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reached from this machine only.
    var isLoopback: Bool { host == "localhost" || host.hasPrefix("127.") || host == "::1" }

    /// Whether a Host header may lead here. A page in a browser of this machine reaches a loopback port under a name of
    /// its own, which tells it apart.
    func accepts(host header: String) -> Bool {
        guard isLoopback, !header.isEmpty else { return true }
        var name = header[...]
        if name.hasPrefix("[") {
            name = name.dropFirst().prefix { $0 != "]" }
        } else {
            name = name.prefix { $0 != ":" }
        }
        // Not "127.0.0.1.example.com", which anybody may own.
        let isNumber = name.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }
        return name == "localhost" || (isNumber && name.hasPrefix("127.")) || name == "::1"
    }

    /// For a URL.
    var text: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
