import Configuration
import Glibc
import Reactor
import Testing

@testable import Host

/// Answers every request with its name; `reload` later, when told to.
private final class EchoCommands: ControlCommands {
    var held: [(ControlAnswer) -> Void] = []

    func perform(_ request: ControlRequest, answer: @escaping (ControlAnswer) -> Void) {
        if request.command == .reload { return held.append(answer) }
        answer(.done([("did", .string(request.command.rawValue))]))
        for waiting in held { waiting(.done([("did", "reload")])) }
        held = []
    }
}

/// The control socket on a loop of its own, driven by a thread.
private final class ControlServer: StreamHandler {
    private let commands = EchoCommands()
    private(set) var loop: EventLoop!
    private var socket: ControlSocket!

    init(user: uid_t = geteuid()) throws {
        loop = try EventLoop(index: 0, handler: self)
        let log = Log(level: .error, format: .text)
        socket = ControlSocket(loop: loop, commands: commands, log: log, user: user)
    }

    func opened(_ stream: StreamID, listener: Int, peer: SocketAddress, now: Int64) -> UInt64 { socket.opened(stream) }
    func received(_ stream: StreamID, context: UInt64, bytes: UnsafeRawBufferPointer, now: Int64) {
        socket.received(context, bytes)
    }
    func writable(_ stream: StreamID, context: UInt64, now: Int64) { socket.writable(context) }
    func closed(_ stream: StreamID, context: UInt64, reason: CloseReason, now: Int64) { socket.closed(context) }
    func woken(now: Int64) {}
    func endOfTurn(now: Int64) {}
    func nextDeadline() -> Int64? { nil }
}

@Suite("The control socket")
struct ControlSocketTests {
    /// Sends `text` to a fresh server and returns the lines that come back until `count` are there or it hangs up.
    private func talk(_ text: String, lines count: Int, user: uid_t = geteuid()) throws -> [String] {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/control.sock"
        let server = try ControlServer(user: user)
        let listener = try #require(try ListenerSocket.listen(on: .unix(path: path, mode: 0o600)).first)
        try server.loop.add(listener, tag: 0)
        let thread = try LoopThread(running: server.loop, name: "control")
        defer {
            server.loop.stop()
            thread.join()
        }
        let client = try UnixClient(path: path)
        client.send(text)
        return client.lines(count)
    }

    @Test("answers each line in turn, a late answer before the next request")
    func order() throws {
        let lines = try talk("{\"command\":\"status\"}\n{\"command\":\"health\"}\n", lines: 2)
        #expect(lines == [#"{"ok":true,"did":"status"}"#, #"{"ok":true,"did":"health"}"#])
    }

    @Test("says what is no request, and goes on")
    func nonsense() throws {
        let lines = try talk("hello\n{\"command\":\"stop\"}\n", lines: 2)
        #expect(lines.first?.hasPrefix(#"{"ok":false,"error":"#) == true)
        #expect(lines.last == #"{"ok":true,"did":"stop"}"#)
    }

    @Test("hangs up on a flood of requests")
    func flood() throws {
        let requests = String(repeating: "{\"command\":\"reload\"}\n", count: ControlSocket.maximumWaitingRequests + 2)
        let lines = try talk(requests, lines: 2)
        #expect(lines.count == 1)
        #expect(lines.first?.contains("too many requests") == true)
    }

    @Test("serves nobody but its user and root", .enabled(if: geteuid() != 0))
    func otherUser() throws {
        #expect(try talk("{\"command\":\"status\"}\n", lines: 1, user: geteuid() + 1).isEmpty)
    }
}

/// The tool's end of a control connection.
private final class UnixClient {
    private let descriptor: Int32

    init(path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var timeout = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(result == 0)
    }

    deinit { close(descriptor) }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count)
    }

    func lines(_ count: Int) -> [String] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while bytes.count(where: { $0 == UInt8(ascii: "\n") }) < count {
            let got = recv(descriptor, &chunk, chunk.count, 0)
            if got <= 0 { break }
            bytes += chunk.prefix(got)
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}
