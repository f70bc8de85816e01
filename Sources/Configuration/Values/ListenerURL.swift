import Glibc

/// Where a listener waits: `mqtt://127.0.0.1:1883`, `wss://0.0.0.0:8084/mqtt`, `unix:///run/hookline/mqtt.sock`.
///
/// Hosts are addresses, or `localhost` for both loopback addresses: a broker binds addresses, and a name that
/// resolves to something else tomorrow would open a port nobody asked for.
public struct ListenerURL: Hashable, Sendable, CustomStringConvertible {
    /// What is spoken on the connection.
    public enum Scheme: String, CaseIterable, Hashable, Sendable {
        case mqtt, mqtts, ws, wss, unix

        /// Port when the URL names none.
        public var defaultPort: UInt16 {
            switch self {
            case .mqtt: 1883
            case .mqtts: 8883
            case .ws: 80
            case .wss: 443
            case .unix: 0
            }
        }

        /// TLS below MQTT or WebSocket.
        public var usesTLS: Bool { self == .mqtts || self == .wss }
        /// MQTT inside WebSocket frames.
        public var usesWebSocket: Bool { self == .ws || self == .wss }
        /// Name of a listener that was not given one.
        var defaultName: String {
            switch self {
            case .mqtt: "tcp"
            case .mqtts: "tls"
            case .ws: "ws"
            case .wss: "wss"
            case .unix: "local"
            }
        }
    }

    /// The scheme.
    public var scheme: Scheme
    /// An IPv4 or IPv6 address without brackets, or `localhost`; empty for `unix`.
    public var host: String
    /// 0 = pick a free one.
    public var port: UInt16
    /// Path of the WebSocket request (`/mqtt` unless given), or of the socket file of `unix`; else empty.
    public var path: String

    /// Addresses to bind: both loopback addresses for `localhost`, none for `unix`.
    public var addresses: [String] {
        switch host {
        case "": []
        case "localhost": ["127.0.0.1", "::1"]
        default: [host]
        }
    }

    /// Reachable from this machine only: a loopback address or a socket file.
    public var isLocal: Bool {
        scheme == .unix || host == "localhost" || host == "::1" || host.hasPrefix("127.")
    }

    /// `127.0.0.1:1883`, `[::1]:1883`, or the path of a socket file.
    public var endpoint: String {
        if scheme == .unix { return path }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// The URL as one would write it.
    public var description: String {
        scheme == .unix ? "unix://\(path)" : "\(scheme.rawValue)://\(endpoint)\(path)"
    }

    /// Reads a URL; see the type for what is allowed.
    public static func parse(_ text: String) throws(ValueProblem) -> ListenerURL {
        guard let separator = text.range(ofFirst: "://") else {
            throw .notAURL(text, reason: "it needs a scheme, such as mqtt://localhost:1883")
        }
        let name = String(text[..<separator.lowerBound])
        guard let scheme = Scheme(rawValue: name) else { throw .notAURL(text, reason: unknownScheme(name)) }
        let rest = String(text[separator.upperBound...])
        if scheme == .unix { return try socketFile(rest, in: text) }

        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let path = String(rest[slash...])
        guard !path.contains(where: { $0 == "?" || $0 == "#" || $0.isWhitespace }) else {
            throw .notAURL(text, reason: "a path has no '?', '#' or blank")
        }
        guard scheme.usesWebSocket || path.isEmpty || path == "/" else {
            throw .notAURL(text, reason: "only ws:// and wss:// have a path")
        }
        var (host, portText) = try hostAndPort(String(rest[..<slash]), in: text)
        var port = scheme.defaultPort
        if let portText {
            guard portText.allSatisfy({ $0.isASCII && $0.isNumber }), let number = UInt16(portText) else {
                throw .notAURL(text, reason: "port '\(portText)' is not a number from 0 to 65535")
            }
            port = number
        }
        host = host.lowercased()
        try checkAddress(host, in: text)
        let webSocketPath = path.isEmpty ? "/mqtt" : path
        return ListenerURL(scheme: scheme, host: host, port: port, path: scheme.usesWebSocket ? webSocketPath : "")
    }

    private static func socketFile(_ path: String, in text: String) throws(ValueProblem) -> ListenerURL {
        guard !path.isEmpty, path != "/", !path.utf8.contains(0) else {
            throw .notAURL(text, reason: "it needs the path of a socket file, such as unix:///run/hookline/mqtt.sock")
        }
        // sockaddr_un.sun_path holds 108 bytes with its NUL.
        guard path.utf8.count <= 107 else { throw .notAURL(text, reason: "a socket path has at most 107 bytes") }
        return ListenerURL(scheme: .unix, host: "", port: 0, path: path)
    }

    private static func hostAndPort(
        _ authority: String, in text: String
    ) throws(ValueProblem) -> (host: String, port: String?) {
        guard !authority.contains("@") else { throw .notAURL(text, reason: "a listener has no user or password") }
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { throw .notAURL(text, reason: "']' is missing") }
            let host = String(authority[authority.index(after: authority.startIndex)..<end])
            let after = authority[authority.index(after: end)...]
            guard host.contains(":"), after.isEmpty || after.hasPrefix(":") else {
                throw .notAURL(text, reason: "brackets hold an IPv6 address, with ':port' behind them")
            }
            return (host, after.isEmpty ? nil : String(after.dropFirst()))
        }
        let parts = authority.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2 else { throw .notAURL(text, reason: "write an IPv6 address in brackets: [::1]:1883") }
        return (parts[0], parts.count == 2 ? parts[1] : nil)
    }

    private static func checkAddress(_ host: String, in text: String) throws(ValueProblem) {
        if host == "localhost" { return }
        guard !host.isEmpty, host != "*" else {
            throw .notAURL(text, reason: "write localhost, or 0.0.0.0 for every IPv4 interface, [::] for IPv6")
        }
        var address = in6_addr()
        if inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1 { return }
        throw .notAURL(text, reason: "'\(host)' is not an address; a broker binds addresses, or localhost")
    }

    private static func unknownScheme(_ name: String) -> String {
        switch name {
        case "tcp": "the scheme for plain MQTT is mqtt://"
        case "ssl", "tls": "the scheme for MQTT over TLS is mqtts://"
        case "http", "https": "the http plugin listens for HTTP; for MQTT over WebSocket write ws:// or wss://"
        default: "schemes are mqtt://, mqtts://, ws://, wss:// and unix://"
        }
    }
}

extension String {
    /// Range of the first occurrence of `part`; the standard library without Foundation has only the whole-match one.
    fileprivate func range(ofFirst part: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(part) { return start..<index(start, offsetBy: part.count) }
            start = index(after: start)
        }
        return nil
    }
}
