import Glibc
import Testing

@testable import Reactor

/// What a handler was told, in order.
enum Told: Equatable {
    case opened(listener: Int)
    case received([UInt8])
    case writable
    case hungUp
    case closed(CloseReason)
}

/// A handler that writes down what it is told, and does what a test asks at each event.
final class ScriptedHandler: StreamHandler {
    var told: [Told] = []
    var streams: [StreamID] = []
    var contexts: [UInt64] = []
    var peers: [SocketAddress] = []
    var woken = 0
    var turnsEnded = 0
    var acceptErrors: [SystemError] = []
    var receivedBytes = 0
    var writableCount = 0
    var deadline = Int64.max
    /// Bytes are counted instead of written down.
    var countsOnly = false

    var onOpened: (StreamID) -> UInt64 = { _ in 7 }
    var onReceived: (StreamID, UnsafeRawBufferPointer) -> Void = { _, _ in }
    var onWritable: (StreamID) -> Void = { _ in }
    var onHungUp: (StreamID) -> Void = { _ in }
    var onClosed: (StreamID, CloseReason) -> Void = { _, _ in }
    var onClosedContext: (UInt64) -> Void = { _ in }
    var onEndOfTurn: () -> Void = {}

    func opened(_ stream: StreamID, listener: Int, peer: SocketAddress, now: Int64) -> UInt64 {
        told.append(.opened(listener: listener))
        streams.append(stream)
        peers.append(peer)
        return onOpened(stream)
    }
    func received(_ stream: StreamID, context: UInt64, bytes: UnsafeRawBufferPointer, now: Int64) {
        receivedBytes += bytes.count
        if !countsOnly { told.append(.received(Array(bytes))) }
        contexts.append(context)
        onReceived(stream, bytes)
    }
    func writable(_ stream: StreamID, context: UInt64, now: Int64) {
        writableCount += 1
        if !countsOnly { told.append(.writable) }
        onWritable(stream)
    }
    func hungUp(_ stream: StreamID, context: UInt64, now: Int64) {
        told.append(.hungUp)
        onHungUp(stream)
    }
    func closed(_ stream: StreamID, context: UInt64, reason: CloseReason, now: Int64) {
        told.append(.closed(reason))
        onClosed(stream, reason)
        onClosedContext(context)
    }
    func woken(now: Int64) { woken += 1 }
    func endOfTurn(now: Int64) {
        turnsEnded += 1
        onEndOfTurn()
    }
    func nextDeadline() -> Int64? { deadline }
    func acceptPaused(listener: Int, error: SystemError, resumesAt: Int64) { acceptErrors.append(error) }

    var closeReasons: [CloseReason] {
        told.compactMap { told -> CloseReason? in if case .closed(let reason) = told { reason } else { nil } }
    }

    /// Everything that was received, as one run.
    var bytes: [UInt8] {
        told.flatMap { told -> [UInt8] in if case .received(let bytes) = told { bytes } else { [] } }
    }
}

/// A loop that is run turn by turn on the test's own thread.
final class LoopFixture {
    let handler = ScriptedHandler()
    let loop: EventLoop
    private(set) var listener: ListenerSocket!

    init(options: ListenerSocket.Options = .init()) throws {
        loop = try EventLoop(index: 0, handler: handler)
        listener = try ListenerSocket.listen(on: .tcp(host: "127.0.0.1", port: 0), options: options)[0]
        try loop.add(listener, tag: 3)
    }

    /// Runs turns until the condition holds; after 20 seconds the test fails.
    func run(until condition: () -> Bool, sourceLocation: SourceLocation = #_sourceLocation) {
        let deadline = MonotonicClock.now + 20_000_000_000
        handler.deadline = deadline
        while !condition() {
            guard MonotonicClock.now < deadline else {
                Issue.record("what was waited for did not happen", sourceLocation: sourceLocation)
                return
            }
            loop.turn(handler)
        }
    }

    /// Runs one turn that does not wait for anything.
    func runTurn() {
        handler.deadline = 0
        loop.turn(handler)
    }

    /// A client whose connection the loop has accepted.
    func connect() throws -> (ClientSocket, StreamID) {
        let client = try ClientSocket(port: listener.address.port)
        let before = handler.streams.count
        run { handler.streams.count > before }
        return (client, try #require(handler.streams.last))
    }

    func write(_ stream: StreamID, _ bytes: [UInt8]) -> WriteResult {
        bytes.withUnsafeBytes { loop.write(stream, $0) }
    }
}

extension EventLoop {
    func write(_ stream: StreamID, text: String) -> WriteResult {
        Array(text.utf8).withUnsafeBytes { write(stream, $0) }
    }
}
