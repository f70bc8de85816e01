import Configuration
import Glibc
import Reactor

/// The connections of the control socket. Requests of one connection are answered in their order, one at a time.
/// Belongs to the control thread, whose event loop it serves.
final class ControlSocket {
    /// Connections at one time; more are closed at once.
    static let maximumConnections = 32
    /// Requests of one connection that may wait for the one before them.
    static let maximumWaitingRequests = 16
    /// Bytes of answers that one connection may leave unread.
    static let maximumUnsentBytes = 2 * ControlAnswer.maxLineBytes

    private struct Connection {
        let stream: StreamID
        var reader = ControlLines()
        var waiting: [[UInt8]] = []
        var isBusy = false
        var unsent: [UInt8] = []
    }

    private let log: Log
    private let user: uid_t
    private unowned let loop: EventLoop
    private unowned let commands: any ControlCommands
    private var connections: [UInt64: Connection] = [:]
    private var lastContext: UInt64 = 0

    /// - Parameter user: who may use the socket, beside root.
    init(loop: EventLoop, commands: any ControlCommands, log: Log, user: uid_t = geteuid()) {
        self.loop = loop
        self.commands = commands
        self.log = log
        self.user = user
    }

    /// The mode of the socket keeps others out; this asks again, for a socket that was given wider rights.
    func opened(_ stream: StreamID) -> UInt64 {
        let peer = loop.credentials(of: stream)
        guard let peer, peer.userID == user || peer.userID == 0 else {
            log.write(.controlRefused, .warn, about: []) {
                [.init("uid", Int(peer?.userID ?? .max)), .init("pid", Int(peer?.processID ?? 0))]
            }
            loop.close(stream, .abort)
            return 0
        }
        guard connections.count < Self.maximumConnections else {
            loop.close(stream, .abort)
            return 0
        }
        lastContext += 1
        connections[lastContext] = Connection(stream: stream)
        return lastContext
    }

    func received(_ context: UInt64, _ bytes: UnsafeRawBufferPointer) {
        do throws(ControlLines.TooLong) {
            guard let lines = try connections[context]?.reader.adding(bytes) else { return }
            connections[context]?.waiting += lines
        } catch {
            return hangUp(context, "a request is one line of at most \(ControlRequest.maxLineBytes) bytes")
        }
        guard connections[context]?.waiting.count ?? 0 <= Self.maximumWaitingRequests else {
            return hangUp(context, "too many requests at once; wait for the answers")
        }
        next(context)
    }

    func writable(_ context: UInt64) { flush(context) }

    func closed(_ context: UInt64) { connections[context] = nil }

    private func next(_ context: UInt64) {
        while let connection = connections[context], !connection.isBusy, !connection.waiting.isEmpty {
            connections[context]?.waiting.removeFirst()
            do throws(UsageError) {
                let request = try ControlRequest.parse(connection.waiting[0])
                connections[context]?.isBusy = true
                commands.perform(request) { [weak self] answer in
                    self?.connections[context]?.isBusy = false
                    self?.send(answer, to: context)
                    self?.next(context)
                }
            } catch {
                send(.refused(error.description, .invalid), to: context)
            }
        }
    }

    /// Says why, and closes the connection.
    private func hangUp(_ context: UInt64, _ reason: String) {
        send(.refused(reason, .invalid), to: context)
        guard let connection = connections.removeValue(forKey: context) else { return }
        loop.close(connection.stream, .graceful)
    }

    private func send(_ answer: ControlAnswer, to context: UInt64) {
        connections[context]?.unsent += Array(answer.line.utf8) + [UInt8(ascii: "\n")]
        flush(context)
    }

    private func flush(_ context: UInt64) {
        guard let connection = connections[context], !connection.unsent.isEmpty else { return }
        switch connection.unsent.withUnsafeBytes({ loop.write(connection.stream, $0) }) {
        case .wrote(let count): connections[context]?.unsent.removeFirst(count)
        case .closed: return
        }
        guard connections[context]?.unsent.count ?? 0 > Self.maximumUnsentBytes else { return }
        connections[context] = nil
        loop.close(connection.stream, .abort)
    }
}
