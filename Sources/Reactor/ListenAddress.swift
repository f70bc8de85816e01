import Glibc

/// Where to listen.
public enum ListenAddress: Hashable, Sendable {
    /// TCP on an address, a name, or every address of the machine (`*`). `localhost` is both 127.0.0.1 and ::1, where
    /// the machine has both. Port 0 takes a free port, the same for all addresses of a name.
    case tcp(host: String, port: UInt16)
    /// A Unix socket at a path; `mode` are its permission bits.
    case unix(path: String, mode: UInt16)
}

extension ListenAddress: CustomStringConvertible {
    /// `127.0.0.1:1883`, `[::1]:1883` or the path.
    public var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path, _): path
        }
    }
}

extension ListenAddress {
    /// The internet addresses a host stands for, IPv4 first. Asks the system's name service, which may take a while
    /// when the host is a name.
    static func resolve(host: String, port: UInt16) throws(ListenError) -> [SocketAddress] {
        if host == "localhost" {
            return [.ipv4(0x7F00_0001, port: port), .ipv6(high: 0, low: 1, scope: 0, port: port)]
        }
        if host == "*" { return [.ipv4(0, port: port), .ipv6(high: 0, low: 0, scope: 0, port: port)] }
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE
        var first: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &first)
        guard code == 0 else { throw .unknownHost(host: host, why: String(cString: gai_strerror(code))) }
        defer { freeaddrinfo(first) }
        var addresses: [SocketAddress] = []
        var entry = first
        while let current = entry {
            if let kernel = current.pointee.ai_addr {
                let address = UnsafeSocketAddress.read(UnsafeRawPointer(kernel)).with(port: port)
                if !addresses.contains(address) { addresses.append(address) }
            }
            entry = current.pointee.ai_next
        }
        return addresses
    }
}

/// Why a socket cannot listen. The description names the address and what to do.
public enum ListenError: Error, Hashable, Sendable {
    /// Another socket listens there.
    case addressInUse(address: String)
    /// The port is below 1024, or the directory of the socket file is not writable.
    case permissionDenied(address: String)
    /// The address is not one of this machine.
    case addressNotAvailable(address: String)
    /// The name service does not know the name.
    case unknownHost(host: String, why: String)
    /// There is a file at the path that is not a socket; it is left alone.
    case notASocket(path: String)
    /// The path is longer than the 107 bytes a Unix socket may have, or has a zero byte.
    case badPath(path: String)
    /// Another system call failed.
    case failed(address: String, SystemError)
}

extension ListenError: CustomStringConvertible {
    /// The problem and what to do about it, in one line.
    public var description: String {
        switch self {
        case .addressInUse(let address):
            "\(address) is in use by another program; stop it, or listen on another port (0 picks a free one)"
        case .permissionDenied(let address):
            "\(address): permission denied; ports below 1024 and protected directories need more rights"
        case .addressNotAvailable(let address):
            "\(address) is not an address of this machine; use one of its own, 127.0.0.1 or 0.0.0.0"
        case .unknownHost(let host, let why): "cannot resolve '\(host)': \(why)"
        case .notASocket(let path): "\(path) exists and is not a socket; remove it or choose another path"
        case .badPath(let path):
            "\(path): the path of a Unix socket has at most 107 bytes; this one has \(path.utf8.count)"
        case .failed(let address, let error): "cannot listen on \(address): \(error)"
        }
    }
}
