/// What the WebSocket side of a listener is like.
public struct WebSocketSettings: Hashable, Sendable {
    /// Path of the request; what follows a `?` is not looked at.
    public var path: String
    /// Origins a browser may connect from, such as `https://example.org`, or `*`; empty: those of the host that the
    /// request names. Programs that send no origin are not held back.
    public var origins: Set<String>
    /// The listener is reached from this machine only, so that a request has to name it as such.
    public var isLocal = false
    /// Bytes of the request's head.
    public var maximumHeadBytes = 8 * 1024
    /// Where the packets of the protocol inside end: then each goes out as one frame. Nil: a write is a frame.
    public var packetLength: PacketLength?

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

/// How to find the end of a packet in a stream of bytes.
public struct PacketLength: Hashable, Sendable {
    /// Two are the same when they have the same name.
    public let name: String
    /// Bytes of the packet that begins with the given ones; nil when they are too few to tell.
    public let find: @Sendable (UnsafeRawBufferPointer) -> Int?

    /// - Parameter find: as of the property; it tells from 16 bytes at most.
    public init(_ name: String, find: @escaping @Sendable (UnsafeRawBufferPointer) -> Int?) {
        self.name = name
        self.find = find
    }

    /// By name.
    public static func == (one: PacketLength, other: PacketLength) -> Bool { one.name == other.name }

    /// By name.
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
