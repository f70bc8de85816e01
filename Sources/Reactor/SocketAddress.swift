import Glibc

/// Address of one end of a stream: trivial, without a name service.
public enum SocketAddress: Hashable, Sendable {
    /// IPv4 address in host byte order. IPv4-mapped IPv6 addresses are given in this form, too.
    case ipv4(UInt32, port: UInt16)
    /// IPv6 address in host byte order; `scope` is the interface index of a link-local address, else 0.
    case ipv6(high: UInt64, low: UInt64, scope: UInt32, port: UInt16)
    /// A Unix socket. Its clients have no address; `EventLoop.credentials(of:)` tells who they are.
    case unix

    /// TCP port, 0 for a Unix socket.
    public var port: UInt16 {
        switch self {
        case .ipv4(_, let port), .ipv6(_, _, _, let port): port
        case .unix: 0
        }
    }

    /// The address without port, such as `127.0.0.1` or `fe80::1%2`; `unix` for a Unix socket.
    public var host: String {
        switch self {
        case .ipv4(let address, _):
            return [24, 16, 8, 0].map { String(address >> $0 & 0xFF) }.joined(separator: ".")
        case .ipv6(let high, let low, let scope, _):
            let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
                var address = UnsafeSocketAddress.in6(high: high, low: low)
                guard let start = buffer.baseAddress,
                    inet_ntop(AF_INET6, &address, start, socklen_t(buffer.count)) != nil
                else { return "" }
                return String(cString: start)
            }
            return scope == 0 ? text : "\(text)%\(scope)"
        case .unix: return "unix"
        }
    }

    /// Whether only programs of this machine can be at this address.
    public var isLoopback: Bool {
        switch self {
        case .ipv4(let address, _): address >> 24 == 127
        case .ipv6(let high, let low, _, _): high == 0 && low == 1
        case .unix: true
        }
    }

    /// This address with another port.
    func with(port: UInt16) -> SocketAddress {
        switch self {
        case .ipv4(let address, _): .ipv4(address, port: port)
        case .ipv6(let high, let low, let scope, _): .ipv6(high: high, low: low, scope: scope, port: port)
        case .unix: .unix
        }
    }
}

extension SocketAddress: CustomStringConvertible {
    /// `127.0.0.1:1883`, `[::1]:1883` or `unix`.
    public var description: String {
        switch self {
        case .ipv4: "\(host):\(port)"
        case .ipv6: "[\(host)]:\(port)"
        case .unix: "unix"
        }
    }
}
