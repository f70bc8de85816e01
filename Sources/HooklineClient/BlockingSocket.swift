import Glibc

/// A connected TCP socket that is read and written by one thread, with a time limit on each wait. Owns its descriptor.
struct BlockingSocket: ~Copyable {
    enum Failure: Error {
        case timedOut
        case closed
    }

    private let descriptor: Int32

    /// Takes over a connected descriptor.
    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// Connects to an IPv4 address in dotted notation; "localhost" is 127.0.0.1.
    static func connected(to host: String, port: UInt16) throws(SystemFailure) -> BlockingSocket {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        guard inet_pton(AF_INET, host == "localhost" ? "127.0.0.1" : host, &address.sin_addr) == 1 else {
            throw SystemFailure(errno: EINVAL)
        }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SystemFailure(errno: errno) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            let failure = SystemFailure(errno: errno)
            _ = Glibc.close(descriptor)
            throw failure
        }
        var on: Int32 = 1
        _ = setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        return BlockingSocket(descriptor: descriptor)
    }

    deinit {
        _ = Glibc.close(descriptor)
    }

    /// The system's error number.
    struct SystemFailure: Error {
        let errno: Int32
    }

    /// Writes everything; waits while the peer does not read, without a limit.
    func send(_ bytes: [UInt8]) throws(Failure) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { raw in
                Glibc.send(descriptor, raw.baseAddress! + sent, raw.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .closed }
            sent += count
        }
    }

    /// What is there, at least one byte, appended to `buffer`.
    /// - Parameter milliseconds: longest wait for the first byte.
    func receive(into buffer: inout [UInt8], milliseconds: Int32) throws(Failure) {
        var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        var events: Int32
        repeat { events = poll(&ready, 1, milliseconds) } while events < 0 && errno == EINTR
        guard events > 0 else { throw .timedOut }
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        guard count > 0 else { throw .closed }
        buffer += chunk[..<count]
    }

    /// Ends both directions, so that the peer sees the end at once.
    func shutDown() {
        _ = shutdown(descriptor, Int32(SHUT_RDWR))
    }
}
