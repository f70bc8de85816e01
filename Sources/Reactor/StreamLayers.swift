/// The layers between the sockets of a listener and its handler, from the outside in: PROXY protocol, TLS, WebSocket.
public struct StreamLayers: Sendable {
    /// Addresses of proxies: their connections begin with a header of the PROXY protocol, all others without one.
    public var proxies: [AddressRange] = []
    /// TLS; nil for none.
    public var tls: TLSServer?
    /// WebSocket; nil for none.
    public var webSocket: WebSocketSettings?

    /// No layer: a plain stream.
    public init() {}

    /// What `ListenerSocket.Options` wants; nil when there is no layer at all.
    public var makeFilter: (@Sendable (SocketAddress) -> StreamFilter?)? {
        guard !proxies.isEmpty || tls != nil || webSocket != nil else { return nil }
        return { [self] peer in filter(for: peer) }
    }

    private func filter(for peer: SocketAddress) -> StreamFilter? {
        let secure = tls?.makeFilter()
        let framed = webSocket?.makeFilter()
        var layer = secure ?? framed
        if let secure, let framed { layer = FilterPair(outer: secure, inner: framed) }
        guard proxies.contains(where: { $0.contains(peer) }) else { return layer }
        return ProxyFilter(inner: layer)
    }
}
