import Glibc

/// A bound and listening socket, shared by all loops. It is closed, and its socket file removed, when the last loop
/// and the caller let go of it.
public final class ListenerSocket: Sendable {
    /// How the socket listens and what its connections are like.
    public struct Options: Sendable {
        /// Connections the kernel keeps until they are accepted, 1 or more; the system may bound it further.
        public var backlog: Int32 = 4096
        /// Small packets leave at once (TCP_NODELAY).
        public var noDelay = true
        /// Seconds of silence after which the kernel probes whether a peer is there; 0 = never.
        public var keepAliveSeconds: Int32 = 0
        /// Milliseconds that sent bytes may stay unacknowledged before the kernel gives up; 0 = the system's default.
        public var userTimeoutMilliseconds: Int32 = 0
        /// Size of the kernel's send buffer per connection in bytes; nil leaves it to the system.
        public var sendBufferBytes: Int32?
        /// Makes the filter of each connection, given its address; nil for a plain stream. Called on the accepting
        /// loop's thread.
        public var makeFilter: (@Sendable (SocketAddress) -> StreamFilter?)?

        /// The defaults.
        public init() {}
    }

    let descriptor: Int32
    let makeFilter: (@Sendable (SocketAddress) -> StreamFilter?)?
    private let file: UnixSocketFile?

    /// The address that was bound, with the port that was taken when 0 was asked for.
    public let address: SocketAddress
    /// Path of a Unix socket, nil for TCP.
    public var path: String? { file?.path }

    private init(descriptor: Int32, address: SocketAddress, file: UnixSocketFile?, options: Options) {
        self.descriptor = descriptor
        self.address = address
        self.file = file
        makeFilter = options.makeFilter
    }

    deinit {
        // The file goes first: afterwards nobody can meet a path that refuses connections.
        file?.removeIfOwn()
        _ = close(descriptor)
    }

    /// Binds and listens: one socket for an address or path, one for each address of a name.
    public static func listen(
        on address: ListenAddress, options: Options = Options()
    ) throws(ListenError) -> [ListenerSocket] {
        switch address {
        case .unix(let path, let mode): return [try listen(path: path, mode: mode, options)]
        case .tcp(let host, let port):
            let addresses = try ListenAddress.resolve(host: host, port: port)
            guard port == 0, addresses.count > 1 else { return try listen(onEach: addresses, options) }
            return try listenOnOneFreePort(addresses, options)
        }
    }

    /// The port that is free on the first address may be taken on the next: then another one is tried.
    private static func listenOnOneFreePort(
        _ addresses: [SocketAddress], _ options: Options
    ) throws(ListenError) -> [ListenerSocket] {
        for _ in 0..<16 {
            let first = try listen(on: addresses[0], options)
            let others = addresses.dropFirst().map { $0.with(port: first.address.port) }
            if let sockets = try listenUnlessInUse(onEach: others, options) { return [first] + sockets }
        }
        throw .addressInUse(address: addresses[0].description)
    }

    private static func listenUnlessInUse(
        onEach addresses: [SocketAddress], _ options: Options
    ) throws(ListenError) -> [ListenerSocket]? {
        do throws(ListenError) {
            return try listen(onEach: addresses, options, mayBeNone: true)
        } catch {
            guard case .addressInUse = error else { throw error }
            return nil
        }
    }

    /// A machine without IPv6 still has a `localhost`: of several addresses, those it lacks are left out.
    private static func listen(
        onEach addresses: [SocketAddress], _ options: Options, mayBeNone: Bool = false
    ) throws(ListenError) -> [ListenerSocket] {
        var sockets: [ListenerSocket] = []
        var missing: ListenError?
        for address in addresses {
            do throws(ListenError) {
                sockets.append(try listen(on: address, options))
            } catch {
                guard error.isAddressMissing, addresses.count > 1 || mayBeNone else { throw error }
                missing = error
            }
        }
        if sockets.isEmpty, !mayBeNone, let missing { throw missing }
        return sockets
    }

    private static func listen(
        on address: SocketAddress, _ options: Options
    ) throws(ListenError) -> ListenerSocket {
        let name = address.description
        let isIPv6 = if case .ipv6 = address { true } else { false }
        let descriptor = try makeSocket(isIPv6 ? AF_INET6 : AF_INET, name)
        do throws(ListenError) {
            // Without it a restart would fail for a minute, on connections of the last run in TIME_WAIT.
            try set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1, name)
            if isIPv6 { try set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1, name) }
            try setInherited(descriptor, options, name)
            if let bytes = options.sendBufferBytes { try set(descriptor, SOL_SOCKET, SO_SNDBUF, bytes, name) }
            let result = UnsafeSocketAddress.withKernelForm(of: address) { Glibc.bind(descriptor, $0, $1) }
            guard result == 0 else { throw ListenError(errno, call: "bind", address: name) }
            guard Glibc.listen(descriptor, options.backlog) == 0 else {
                throw ListenError(errno, call: "listen", address: name)
            }
            let bound = try boundAddress(descriptor, name)
            return ListenerSocket(descriptor: descriptor, address: bound, file: nil, options: options)
        } catch {
            _ = close(descriptor)
            throw error
        }
    }

    private static func listen(
        path: String, mode: UInt16, _ options: Options
    ) throws(ListenError) -> ListenerSocket {
        guard var kernel = UnsafeSocketAddress.unixForm(path: path) else { throw .badPath(path: path) }
        try UnixSocketFile.removeStale(path: path)
        let descriptor = try makeSocket(AF_UNIX, path)
        do throws(ListenError) {
            if let bytes = options.sendBufferBytes { try set(descriptor, SOL_SOCKET, SO_SNDBUF, bytes, path) }
            // Before bind, so that there is no moment in which others may connect.
            guard fchmod(descriptor, mode_t(mode)) == 0 else { throw ListenError(errno, call: "fchmod", address: path) }
            let result = UnsafeSocketAddress.withGenericForm(of: &kernel) { Glibc.bind(descriptor, $0, $1) }
            guard result == 0 else { throw ListenError(errno, call: "bind", address: path) }
            let file = UnixSocketFile(bound: path)
            // The process's umask took its share: now that the rest is in place, the full mode can be given.
            _ = chmod(path, mode_t(mode))
            guard Glibc.listen(descriptor, options.backlog) == 0 else {
                let error = ListenError(errno, call: "listen", address: path)
                file.removeIfOwn()
                throw error
            }
            return ListenerSocket(descriptor: descriptor, address: .unix, file: file, options: options)
        } catch {
            _ = close(descriptor)
            throw error
        }
    }

    private static func makeSocket(_ family: Int32, _ name: String) throws(ListenError) -> Int32 {
        let kind = SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
        let descriptor = socket(family, Int32(kind), 0)
        guard descriptor >= 0 else { throw ListenError(errno, call: "socket", address: name) }
        return descriptor
    }

    private static func set(
        _ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32, _ name: String
    ) throws(ListenError) {
        var value = value
        guard setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0 else {
            throw ListenError(errno, call: "setsockopt", address: name)
        }
    }

    /// Options that accepted sockets inherit: no system call per connection.
    private static func setInherited(
        _ descriptor: Int32, _ options: Options, _ name: String
    ) throws(ListenError) {
        let tcp = Int32(IPPROTO_TCP)
        try set(descriptor, tcp, TCP_NODELAY, options.noDelay ? 1 : 0, name)
        if options.keepAliveSeconds > 0 {
            try set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1, name)
            try set(descriptor, tcp, TCP_KEEPIDLE, options.keepAliveSeconds, name)
            // Four probes within once more that time.
            try set(descriptor, tcp, TCP_KEEPINTVL, max(1, options.keepAliveSeconds / 4), name)
            try set(descriptor, tcp, TCP_KEEPCNT, 4, name)
        }
        if options.userTimeoutMilliseconds > 0 {
            try set(descriptor, tcp, TCP_USER_TIMEOUT, options.userTimeoutMilliseconds, name)
        }
    }

    private static func boundAddress(_ descriptor: Int32, _ name: String) throws(ListenError) -> SocketAddress {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard result == 0 else { throw ListenError(errno, call: "getsockname", address: name) }
        return withUnsafeBytes(of: &storage) { $0.baseAddress.map(UnsafeSocketAddress.read) ?? .unix }
    }
}

extension ListenError {
    init(_ code: Int32, call: String, address: String) {
        switch code {
        case EADDRINUSE: self = .addressInUse(address: address)
        case EACCES, EPERM: self = .permissionDenied(address: address)
        case EADDRNOTAVAIL: self = .addressNotAvailable(address: address)
        default: self = .failed(address: address, SystemError(code: code, call: call))
        }
    }

    /// Whether the machine lacks the address or its whole family.
    fileprivate var isAddressMissing: Bool {
        switch self {
        case .addressNotAvailable: true
        case .failed(_, let error): error.code == EAFNOSUPPORT
        default: false
        }
    }
}
