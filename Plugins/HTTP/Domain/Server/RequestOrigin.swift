/// Whether a request comes from where it may: browsers carry pages of strangers to servers on loopback and behind
/// firewalls, and only the headers Host and Origin tell.
struct RequestOrigin: Sendable {
    /// Host names that this server has, in lower case, beside addresses and "localhost".
    let hosts: Set<String>
    /// Any name is taken: the server is for the network, where everybody must log in.
    let takesAnyHost: Bool
    /// Origins of other sites whose pages may use the API: "https://example.org".
    let origins: Set<String>

    /// Whether the header Host is one of ours: a page whose name is made to point here has another one (DNS rebinding).
    func takes(host: String) -> Bool {
        guard let name = RequestOrigin.name(of: host) else { return false }
        return takesAnyHost || name == "localhost" || RequestOrigin.isAddress(name) || hosts.contains(name)
    }

    /// Whether the header Origin, if there is one, is that of our own pages or of a site that may.
    func takes(origin: String, host: String, isTLS: Bool) -> Bool {
        let origin = origin.lowercased()
        return origins.contains(origin) || origin == (isTLS ? "https://" : "http://") + host.lowercased()
    }

    /// "localhost" of "localhost:8080", "::1" of "[::1]:8080"; nil when it is neither.
    static func name(of host: String) -> String? {
        let host = host.lowercased()
        if host.hasPrefix("[") {
            guard let end = host.firstIndex(of: "]") else { return nil }
            return String(host[host.index(after: host.startIndex)..<end])
        }
        let parts = host.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, !parts[0].isEmpty, parts.count == 1 || parts[1].utf8.allSatisfy(isDigit) else {
            return nil
        }
        return String(parts[0])
    }

    /// Whether a name is an IPv4 or IPv6 address: nobody can make one point elsewhere.
    static func isAddress(_ name: String) -> Bool {
        if name.contains(":") {
            return name.utf8.allSatisfy { isHexDigit($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") }
        }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil && $0.utf8.allSatisfy(isDigit) }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}
