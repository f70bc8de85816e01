/// What an event loop calls: one handler per loop, every call on that loop's thread.
///
/// In the course of any call except `nextDeadline` the handler may use the loop: write, pause, close, detach, adopt.
/// Each stream that was opened or adopted ends with exactly one `closed`, unless it is detached. `now` is the loop's
/// coarse clock: CLOCK_MONOTONIC in nanoseconds, read once per turn.
public protocol StreamHandler: AnyObject {
    /// A connection was accepted on the listener that was added with the tag `listener`.
    /// - Returns: the context word that comes back with every event of the stream.
    func opened(_ stream: StreamID, listener: Int, peer: SocketAddress, now: Int64) -> UInt64

    /// Bytes arrived. They are borrowed until the call returns; the handler consumes all of them.
    func received(_ stream: StreamID, context: UInt64, bytes: UnsafeRawBufferPointer, now: Int64)

    /// The socket took what a short write left over, or a filter is ready to take bytes: write on.
    func writable(_ stream: StreamID, context: UInt64, now: Int64)

    /// The peer of a paused stream hung up. What it sent before is still to be read: `resumeReading` delivers that and
    /// then `closed`; `close` ends the stream without it. Called once at most.
    func hungUp(_ stream: StreamID, context: UInt64, now: Int64)

    /// Whether peers of new streams may prove themselves by pre-shared keys.
    var hasPreSharedKeys: Bool { get }

    /// The key of a peer that calls itself `identity` (UTF-8 without null bytes), nil when there is none. Asked in the
    /// middle of a handshake: the handler must not touch the loop.
    func preSharedKey(_ stream: StreamID, context: UInt64, identity: [UInt8], now: Int64) -> [UInt8]?

    /// The stream's filter learned who the peer is: its address behind a proxy, its certificate, its pre-shared key.
    /// Comes before the first bytes that belong to that peer.
    func identified(_ stream: StreamID, context: UInt64, as peer: PeerDiscovery, now: Int64)

    /// The stream is gone and its id stale. After `close` this comes later in the same turn, with the reason `local`.
    func closed(_ stream: StreamID, context: UInt64, reason: CloseReason, now: Int64)

    /// `wake()` was called since the last turn, once or many times.
    func woken(now: Int64)

    /// All events of the turn were handled: flush what they left to be written.
    func endOfTurn(now: Int64)

    /// Asked before the loop sleeps: when the loop has to run a turn at the latest; nil for never.
    func nextDeadline() -> Int64?

    /// A listener cannot accept, mostly for want of descriptors. This loop leaves it alone until `resumesAt`.
    func acceptPaused(listener: Int, error: SystemError, resumesAt: Int64)
}

extension StreamHandler {
    /// They may not.
    public var hasPreSharedKeys: Bool { false }

    /// There is none.
    public func preSharedKey(_ stream: StreamID, context: UInt64, identity: [UInt8], now: Int64) -> [UInt8]? { nil }

    /// Nothing.
    public func identified(_ stream: StreamID, context: UInt64, as peer: PeerDiscovery, now: Int64) {}

    /// Nothing: the stream stays until reading is resumed or it is closed.
    public func hungUp(_ stream: StreamID, context: UInt64, now: Int64) {}

    /// Nothing.
    public func acceptPaused(listener: Int, error: SystemError, resumesAt: Int64) {}
}

/// Why a stream ended.
public enum CloseReason: Hashable, Sendable {
    /// The peer ended the stream; every byte it sent was delivered before.
    case peerClosed
    /// The peer reset the connection, or writing to it failed because it had.
    case reset
    /// A read or write failed with this errno, such as ETIMEDOUT.
    case error(Int32)
    /// The filter ended the stream; the code is the filter's.
    case filter(Int32)
    /// `EventLoop.close` was called, or the loop stopped.
    case local
}

/// What became of a write.
public enum WriteResult: Hashable, Sendable {
    /// The stream took this many bytes. Fewer than given: it takes no more now, and `writable` follows.
    case wrote(Int)
    /// The stream takes nothing any more: the id is stale, or the peer is gone and `closed` follows.
    case closed
}

/// How the loop ends a stream.
public enum CloseMode: Sendable {
    /// Everything written reaches the peer: the sending side is shut down, then what the peer still sends is read and
    /// dropped until it hangs up, for two seconds at most and for 4,096 streams of a loop at a time; beyond that it is
    /// an abort. For the last words of a connection.
    case graceful
    /// The descriptor is closed at once. What the kernel still holds may be lost.
    case abort
}
