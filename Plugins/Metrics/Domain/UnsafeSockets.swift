internal import CSystem
internal import Glibc

/// Why the plugin cannot listen.
struct ListenFailure: Error {
    /// Another socket listens there.
    var isInUse: Bool
    /// For the log.
    var words: String
}

/// A listening TCP socket; ends with the object.
///
/// Sendable: the descriptor is constant.
final class ListeningSocket: Sendable {
    let descriptor: Int32
    /// The port that was taken.
    let port: UInt16

    private init(descriptor: Int32, port: UInt16) {
        self.descriptor = descriptor
        self.port = port
    }

    deinit { close(descriptor) }

    /// One socket for each address of the host; a machine without IPv6 has a `localhost` all the same.
    static func open(_ address: BindAddress) throws(ListenFailure) -> [ListeningSocket] {
        let hosts =
            switch address.host {
            case "localhost": ["127.0.0.1", "::1"]
            case "*": ["0.0.0.0", "::"]
            default: [address.host]
            }
        var sockets: [ListeningSocket] = []
        var failure = ListenFailure(isInUse: false, words: "'\(address.host)' has no address")
        for host in hosts {
            do throws(ListenFailure) {
                // A free port is the same on all of them.
                sockets.append(try open(host, port: sockets.first?.port ?? address.port))
            } catch {
                failure = error
                if error.isInUse { break }
            }
        }
        guard !sockets.isEmpty, !failure.isInUse else { throw failure }
        return sockets
    }

    private static func open(_ host: String, port: UInt16) throws(ListenFailure) -> ListeningSocket {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &found)
        defer { if let found { freeaddrinfo(found) } }
        guard code == 0, let first = found?.pointee else {
            throw ListenFailure(isInUse: false, words: "\(host): \(String(cString: gai_strerror(code)))")
        }
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(first.ai_family, kind, 0)
        var on: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        guard descriptor >= 0, setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, size) == 0,
            first.ai_family != AF_INET6
                || setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &on, size) == 0,
            Glibc.bind(descriptor, first.ai_addr, first.ai_addrlen) == 0, Glibc.listen(descriptor, 64) == 0
        else {
            let number = errno
            if descriptor >= 0 { close(descriptor) }
            throw ListenFailure(
                isInUse: number == EADDRINUSE, words: "\(host):\(port): \(String(cString: strerror(number)))")
        }
        return ListeningSocket(descriptor: descriptor, port: Self.port(of: descriptor) ?? port)
    }

    private static func port(of descriptor: Int32) -> UInt16? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address -> UInt16? in
                guard getsockname(descriptor, address, &length) == 0 else { return nil }
                // The port is at the same place in both families (RFC 3493).
                return storage.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                    UInt16(bigEndian: $0.pointee.sin_port)
                }
            }
        }
    }

    /// The same socket for another owner in this process; both take its connections.
    /// - Parameter descriptor: open, and kept open until this returns.
    init?(sharing descriptor: Int32) {
        let own = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard own >= 0 else { return nil }
        guard let port = Self.port(of: own) else {
            close(own)
            return nil
        }
        self.descriptor = own
        self.port = port
    }

    /// The next connection; `nil` when none waits.
    func accept() -> ConnectedSocket? {
        while true {
            let accepted = csystem_accept(descriptor, nil, nil)
            if accepted >= 0 { return ConnectedSocket(descriptor: accepted) }
            guard errno == EINTR || errno == ECONNABORTED else { return nil }
        }
    }

}

/// A connection that was accepted; ends with the object.
///
/// Sendable: the descriptor is constant.
final class ConnectedSocket: Sendable {
    let descriptor: Int32

    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// What became of a read or write.
    enum Outcome {
        case moved(Int)
        case wouldBlock
        case ended
    }

    func read(into buffer: inout [UInt8], atMost count: Int) -> Outcome {
        var block = [UInt8](repeating: 0, count: count)
        let got = Glibc.read(descriptor, &block, count)
        if got > 0 { buffer += block[..<got] }
        return Self.outcome(got)
    }

    /// Writes from `position` on.
    func write(_ bytes: [UInt8], from position: Int) -> Outcome {
        let count = bytes.withUnsafeBytes { all in
            let rest = UnsafeRawBufferPointer(rebasing: all[position...])
            return send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
        }
        return Self.outcome(count)
    }

    /// Both directions end; whoever waits for it learns of that.
    func shut() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    private static func outcome(_ count: Int) -> Outcome {
        if count > 0 { return .moved(count) }
        if count < 0, errno == EAGAIN || errno == EINTR { return .wouldBlock }
        return .ended
    }
}
