import Glibc
import Locking

@testable import Reactor

/// What running loops have done, for a test thread to wait for.
final class Progress: Sendable {
    private struct Counts {
        var opened: [Int] = []
        var closed = 0
        var moves = 0
        var woken = 0
    }
    private let counts = Locked(Counts())

    func opened(on loop: Int) { counts.withLock { $0.opened.append(loop) } }
    func closed() { counts.withLock { $0.closed += 1 } }
    func moved() { counts.withLock { $0.moves += 1 } }

    var openedOnLoops: [Int] { counts.withLock { $0.opened } }
    var closedCount: Int { counts.withLock { $0.closed } }
    var moveCount: Int { counts.withLock { $0.moves } }
}

/// A connection on its way between two loops, with what is left to be written.
struct MovedConnection: Sendable {
    var stream: DetachedStream
    var backlog: [UInt8]
    var untilMove: Int
}

/// Sends everything back; may hand each connection to a neighbour after a number of bytes. Written as the broker core
/// is: output waits per connection and is flushed once per turn.
final class EchoHandler: StreamHandler {
    private struct Connection {
        var stream: StreamID
        var backlog: [UInt8] = []
        var isFull = false
        var untilMove: Int
    }

    var loop: EventLoop!
    var neighbour: Mailbox<MovedConnection>?
    var mailbox: Mailbox<MovedConnection>?
    let progress: Progress
    private let bytesPerMove: Int
    private var connections: [UInt64: Connection] = [:]
    private var dirty: Set<UInt64> = []
    private var nextContext: UInt64 = 0
    private var arrived: [MovedConnection] = []

    init(progress: Progress, bytesPerMove: Int = .max) {
        self.progress = progress
        self.bytesPerMove = bytesPerMove
    }

    func opened(_ stream: StreamID, listener: Int, peer: SocketAddress, now: Int64) -> UInt64 {
        nextContext += 1
        connections[nextContext] = Connection(stream: stream, untilMove: bytesPerMove)
        progress.opened(on: loop.index)
        return nextContext
    }

    func received(_ stream: StreamID, context: UInt64, bytes: UnsafeRawBufferPointer, now: Int64) {
        connections[context]?.backlog += bytes
        connections[context]?.untilMove -= bytes.count
        dirty.insert(context)
    }

    func writable(_ stream: StreamID, context: UInt64, now: Int64) {
        connections[context]?.isFull = false
        dirty.insert(context)
    }

    func closed(_ stream: StreamID, context: UInt64, reason: CloseReason, now: Int64) {
        connections[context] = nil
        progress.closed()
    }

    func woken(now: Int64) {
        mailbox?.drain(into: &arrived)
        for moved in arrived {
            nextContext += 1
            let stream = loop.adopt(moved.stream, context: nextContext)
            connections[nextContext] = Connection(
                stream: stream, backlog: moved.backlog, untilMove: bytesPerMove)
            dirty.insert(nextContext)
            progress.moved()
        }
        arrived.removeAll()
    }

    func endOfTurn(now: Int64) {
        for context in dirty { flush(context) }
        dirty.removeAll()
    }

    func nextDeadline() -> Int64? { nil }

    private func flush(_ context: UInt64) {
        guard var connection = connections[context], !connection.isFull else { return }
        let result = connection.backlog.withUnsafeBytes { loop.write(connection.stream, $0) }
        if case .wrote(let count) = result {
            connection.backlog.removeFirst(count)
            connection.isFull = !connection.backlog.isEmpty
        }
        connections[context] = connection
        if connection.untilMove <= 0, let neighbour, let detached = loop.detach(connection.stream) {
            connections[context] = nil
            _ = neighbour.post(
                MovedConnection(stream: detached, backlog: connection.backlog, untilMove: bytesPerMove))
        }
    }
}

/// A number of echoing loops on threads of their own, accepting on one listener.
final class EchoServer {
    let progress = Progress()
    let listener: ListenerSocket
    let loops: [EventLoop]
    private var threads: [LoopThread] = []

    init(loopCount: Int, bytesPerMove: Int = .max) throws {
        listener = try ListenerSocket.listen(on: .tcp(host: "127.0.0.1", port: 0))[0]
        var handlers: [EchoHandler] = []
        var loops: [EventLoop] = []
        for index in 0..<loopCount {
            let handler = EchoHandler(progress: progress, bytesPerMove: bytesPerMove)
            let loop = try EventLoop(index: index, handler: handler)
            handler.loop = loop
            try loop.add(listener, tag: 0)
            handlers.append(handler)
            loops.append(loop)
        }
        self.loops = loops
        for index in 0..<loopCount { handlers[index].mailbox = Mailbox(wakes: loops[index], capacity: 1000) }
        for index in 0..<loopCount { handlers[index].neighbour = handlers[(index + 1) % loopCount].mailbox }
        for loop in loops { threads.append(try LoopThread(running: loop, name: "echo-\(loop.index)")) }
    }

    func stop() {
        for loop in loops { loop.stop() }
        for thread in threads { thread.join() }
        threads = []
    }
}
