/// What the WebSocket side of a listener is like.
public struct WebSocketSettings: Hashable, Sendable {
    /// Path of the request; what follows a `?` is not looked at.
    public var path: String
    /// Origins a browser may connect from, such as `https://example.org`; empty: any. Programs that are no browsers
    /// send no origin and are not held back.
    public var origins: Set<String>
    /// Bytes of the request's head.
    public var maximumHeadBytes = 8 * 1024

    /// The one subprotocol that is spoken [MQTT-6.0.0-4].
    static let subprotocol = "mqtt"

    /// Settings for one path; origins are compared without regard to case.
    public init(path: String, origins: [String] = []) {
        self.path = path
        self.origins = Set(origins.map { $0.lowercased() })
    }

    /// The filter of a new connection.
    public func makeFilter() -> StreamFilter { UnsafeWebSocketFilter(self) }
}
