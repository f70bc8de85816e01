import Configuration
import Glibc

/// One question to a running broker over its control socket.
struct ControlClient: ~Copyable {
    private let descriptor: Int32
    private let path: String
    private var buffer: [UInt8] = []

    /// No broker, or one that does not answer; the text says which and where.
    struct Failure: Error, CustomStringConvertible {
        var description: String
        var exitCode = ToolExit.failure

        /// Something went wrong on the way.
        init(description: String) {
            self.description = description
        }

        /// The broker said no.
        init(_ answer: ControlAnswer) {
            description = answer.error ?? "the broker refused without a reason"
            exitCode = (1...125).contains(answer.exitCode) ? answer.exitCode : ToolExit.failure
        }
    }

    /// Connects to the socket at `path`.
    init(path: String, timeoutSeconds: Int) throws(Failure) {
        var address = sockaddr_un()
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw Failure(description: "\(path): too long for a socket's path (at most 107 bytes)")
        }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(description: String(cString: strerror(errno))) }
        var wait = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard connected == 0 else {
            let code = errno
            close(descriptor)
            throw Self.connectFailure(code, path)
        }
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    private static func connectFailure(_ code: Int32, _ path: String) -> Failure {
        switch code {
        case ENOENT, ECONNREFUSED:
            Failure(description: "no broker is running here (no answer at \(path)); see --control and -c")
        case EACCES, EPERM:
            Failure(description: "\(path): the broker belongs to another user; ask as that user or as root")
        default: Failure(description: "\(path): \(String(cString: strerror(code)))")
        }
    }

    /// Sends a request and waits for the answer; the raw line comes with it.
    mutating func ask(_ request: ControlRequest) throws(Failure) -> (answer: ControlAnswer, line: String) {
        var rest = Array((request.line + "\n").utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Failure(description: "\(path): \(String(cString: strerror(errno)))") }
            rest = rest.dropFirst(count)
        }
        let line = try readLine()
        guard let answer = ControlAnswer.parse(line) else {
            throw Failure(description: "\(path): the answer is not understood; are tool and broker of one version?")
        }
        return (answer, String(decoding: line, as: UTF8.self))
    }

    /// Waits until the broker closes the connection, which it does by ending.
    ///
    /// - Returns: false when that took longer than the time-out.
    mutating func waitForEnd() -> Bool {
        var byte: UInt8 = 0
        while true {
            let count = recv(descriptor, &byte, 1, 0)
            if count > 0 || count < 0 && errno == EINTR { continue }
            return count == 0 || errno == ECONNRESET
        }
    }

    private mutating func readLine() throws(Failure) -> [UInt8] {
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while buffer.count <= ControlAnswer.maxLineBytes {
            if let newline = buffer.firstIndex(of: UInt8(ascii: "\n")) { return Array(buffer[..<newline]) }
            let count = recv(descriptor, &chunk, chunk.count, 0)
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { throw Failure(description: "\(path): the broker does not answer") }
            guard count > 0 else { throw Failure(description: "\(path): the broker closed the connection") }
            buffer += chunk[..<count]
        }
        throw Failure(description: "\(path): the answer is too long")
    }
}
