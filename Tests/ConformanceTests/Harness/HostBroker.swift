import Foundation
import Glibc

/// A running `hookline-host` without plugins that keeps nothing, reached over TCP on a port it chose.
///
/// It is ended by its process id when nobody needs it any more, and ends by itself when this process does.
///
/// @unchecked Sendable: constants after `init`; `process` is touched again by `deinit` only.
final class HostBroker: Carried, @unchecked Sendable {
    /// The one that all cases share which need no setting of their own.
    static let shared = Result { try HostBroker([]) }

    private let process = Process()
    private let port: UInt16
    /// Of the listener for WebSocket, with `BrokerOption.webSocket`.
    private let webSocketPort: UInt16?

    init(_ options: [BrokerOption]) throws {
        let announcement = Pipe()
        process.executableURL = Self.program
        process.arguments =
            ["--ephemeral", "--no-plugins", "--test-mode", "--exit-with-parent", "--quiet", "--ports-file", "-"]
            + options.flatMap(\.arguments)
        // Where no plugins.yaml is.
        process.currentDirectoryURL = FileManager.default.temporaryDirectory
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = announcement
        try process.run()
        do {
            let line = try Self.firstLine(of: announcement.fileHandleForReading)
            let listeners = try JSONDecoder().decode(Ports.self, from: line).listeners
            port = listeners.tcp.port
            webSocketPort = listeners.ws?.port
        } catch {
            process.terminate()
            throw error
        }
    }

    private static func firstLine(of output: FileHandle) throws -> Data {
        var line = Data()
        while line.last != UInt8(ascii: "\n") {
            guard isReadable(output.fileDescriptor), let byte = try output.read(upToCount: 1), !byte.isEmpty else {
                throw Unmet("hookline-host did not get ready", line: #line)
            }
            line += byte
        }
        return line
    }

    deinit {
        process.terminate()
        process.waitUntilExit()
    }

    func open() throws -> any Link { try TCPLink(port: port) }

    func openWebSocket(_ subprotocols: String?) throws -> WebSocketLink {
        guard let webSocketPort else { throw Unmet("the case needs BrokerOption.webSocket", line: #line) }
        return try WebSocketLink(port: webSocketPort, subprotocols: subprotocols)
    }

    func advance(seconds: Double) { preconditionFailure("only the core's clock can be moved: use Wire.clock") }

    /// `HOOKLINE_HOST`, else the program that was built beside the tests.
    private static var program: URL {
        if let path = ProcessInfo.processInfo.environment["HOOKLINE_HOST"] { return URL(filePath: path) }
        return URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: "hookline-host")
    }

    private struct Ports: Decodable {
        struct Listeners: Decodable {
            let tcp: Listener
            let ws: Listener?
        }
        struct Listener: Decodable { let port: UInt16 }
        let listeners: Listeners
    }
}

/// Waits until there is something to read, or the end. False: nothing came for half a minute, a limit that is there
/// only so that a broken broker fails a case instead of hanging it.
private func isReadable(_ descriptor: Int32) -> Bool {
    var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    var count: Int32
    repeat { count = poll(&ready, 1, 30_000) } while count < 0 && errno == EINTR
    return count > 0
}

/// One TCP connection.
final class TCPLink: Link {
    private let descriptor: Int32

    init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            throw Unmet("hookline-host takes no connection: \(String(cString: strerror(errno)))", line: #line)
        }
        var on: Int32 = 1
        _ = setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    func receive() -> [UInt8]? {
        guard isReadable(descriptor) else { return nil }
        return [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, length in
            length = max(0, recv(descriptor, buffer.baseAddress, buffer.count, 0))
        }
    }

    func cut() {
        shutdown(descriptor, Int32(SHUT_WR))
        while let bytes = receive(), !bytes.isEmpty {}
    }
}
