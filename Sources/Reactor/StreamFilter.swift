/// A byte-stream layer between a socket and the handler, such as TLS or WebSocket: one object per filtered stream.
///
/// The loop calls it with bytes from the socket ("wire") and bytes from the handler ("plain"); it appends what comes
/// out of them to the sinks it is given, and may hold bytes back for later. It never calls the handler or the loop, so
/// it needs no thought about re-entry. Every call is made on the thread of the loop that owns the stream at the time;
/// when a stream moves, its filter moves along.
open class StreamFilter {
    /// Wire bytes that the socket has not taken yet.
    final var unsent = UnsafeByteSink()
    /// Set by the loop before `decode`: the peer does not take what it was sent. Answers it provokes are better held
    /// back, or its questions would grow our memory.
    final var isBacklogged = false
    /// What the layer learned about the peer in `decode`; the loop hands it on (`identified`) and clears it.
    public final var discovery: PeerDiscovery?

    /// Makes a filter in its initial state.
    public init() {}

    deinit {
        unsent.destroy()
    }

    /// Whether `encode` takes bytes now; false until a handshake is done. When it turns true, the handler is told that
    /// the stream is writable.
    open var acceptsPlain: Bool { true }

    /// The stream was opened. What is appended to `wire` is the first thing the peer receives.
    open func begin(wire: inout UnsafeByteSink) {}

    /// Bytes came from the socket. All of them are to be taken; what they mean for the handler is appended to `plain`,
    /// answers to the peer to `wire`.
    open func decode(_ bytes: UnsafeRawBufferPointer, plain: inout UnsafeByteSink, wire: inout UnsafeByteSink)
        -> FilterStatus
    {
        plain.append(bytes)
        return .open
    }

    /// The handler writes at most 64 KiB; only called while `acceptsPlain`. All of it is to be taken.
    open func encode(_ bytes: UnsafeRawBufferPointer, wire: inout UnsafeByteSink) {
        wire.append(bytes)
    }

    /// Peers may prove themselves by keys that `keys` knows, asked on the loop's thread in the course of `decode`.
    /// Called before the first byte of the peer, or never.
    open func accept(_ keys: @escaping PreSharedKeys) {}

    /// The stream is closed gracefully: append the layer's farewell.
    open func finish(wire: inout UnsafeByteSink) {}
}

/// Finds the key that belongs to an identity (UTF-8 without null bytes); nil: there is none.
public typealias PreSharedKeys = (_ identity: [UInt8]) -> [UInt8]?

/// What a stream filter learns about the peer.
public struct PeerDiscovery: Hashable, Sendable {
    /// Where the peer really is, when a proxy stands between.
    public var address: SocketAddress?
    /// The certificate the peer showed, verified.
    public var certificate: PeerCertificate?
    /// What the peer calls itself beside the pre-shared key it has proved to have; UTF-8 without null bytes.
    public var keyIdentity: [UInt8]?

    /// Nothing was learned yet.
    public init() {}

    static func address(_ address: SocketAddress) -> PeerDiscovery {
        var discovery = PeerDiscovery()
        discovery.address = address
        return discovery
    }

    mutating func merge(_ other: PeerDiscovery) {
        address = other.address ?? address
        certificate = other.certificate ?? certificate
        keyIdentity = other.keyIdentity ?? keyIdentity
    }
}

/// What a filter says after `decode`.
public enum FilterStatus: Sendable {
    /// The layer goes on.
    case open
    /// The peer ended the layer in order: `closed` with `peerClosed` follows.
    case ended
    /// The peer broke the layer's rules: `closed` with this code follows. What was appended to `wire` still reaches it.
    case failed(Int32)
}
