/// Which pages of a browser may connect [RFC 6455, 10.2]. A page anywhere in the web can open a WebSocket to a port on
/// the reader's own machine; the browser says which page it is, and only the server can refuse it.
enum WebSocketOrigin {
    /// - Parameters:
    ///   - origin: the request's Origin, as the browser sends it.
    ///   - host: the request's Host.
    static func isAllowed(_ origin: String, host: String, _ settings: WebSocketSettings) -> Bool {
        guard settings.origins.isEmpty else {
            return settings.origins.contains("*") || settings.origins.contains(origin.lowercased())
        }
        let scheme = origin.prefix { $0 != ":" }
        guard origin.dropFirst(scheme.count).hasPrefix("://"), let page = name(origin.dropFirst(scheme.count + 3)),
            let here = name(host[...])
        else { return false }
        // A name that somebody else's DNS points to this machine is not this machine [DNS rebinding].
        if settings.isLocal, !isLoopback(here) { return false }
        return page == here || (isLoopback(page) && isLoopback(here))
    }

    /// The host of `host` or `host:port` in lower case; nil when there is none.
    private static func name(_ authority: Substring) -> String? {
        let end: Substring.Index?
        if authority.first == "[" {
            end = authority.firstIndex(of: "]").map { authority.index(after: $0) }
        } else {
            end = authority.firstIndex(of: ":") ?? authority.endIndex
        }
        guard let end, end > authority.startIndex else { return nil }
        return authority[..<end].lowercased()
    }

    private static func isLoopback(_ name: String) -> Bool {
        name == "localhost" || name == "[::1]" || name.hasSuffix(".localhost")
            || (name.hasPrefix("127.") && name.allSatisfy { $0.isNumber || $0 == "." })
    }
}
