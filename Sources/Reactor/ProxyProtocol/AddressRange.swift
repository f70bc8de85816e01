import Glibc

/// A block of addresses, such as `10.0.0.0/8`, `::1` or `192.0.2.7`.
public struct AddressRange: Hashable, Sendable, CustomStringConvertible {
    private let high: UInt64
    private let low: UInt64
    /// Of 128: IPv4 addresses are compared in their IPv6-mapped form.
    private let prefixBits: Int
    /// As it was written.
    public let description: String

    /// Reads an address with an optional prefix length; nil when it is none.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let address = SocketAddress(host: parts[0], port: 0) else { return nil }
        var bits = 128
        var width = 128
        if case .ipv4 = address { width = 32 }
        if parts.count == 2 {
            guard let given = Int(parts[1]), (0...width).contains(given), parts[1].allSatisfy(\.isNumber) else {
                return nil
            }
            bits = given + 128 - width
        }
        guard let words = address.words else { return nil }
        (high, low) = (words.high, words.low)
        prefixBits = bits
        description = text
    }

    /// Whether an address lies in the block; a Unix socket lies in none.
    public func contains(_ address: SocketAddress) -> Bool {
        guard let words = address.words else { return false }
        let highMask = prefixBits >= 64 ? UInt64.max : prefixBits == 0 ? 0 : UInt64.max << UInt64(64 - prefixBits)
        let lowMask = prefixBits <= 64 ? 0 : UInt64.max << UInt64(128 - prefixBits)
        return (words.high ^ high) & highMask == 0 && (words.low ^ low) & lowMask == 0
    }
}

extension SocketAddress {
    /// Reads an address without asking a name service; nil when `host` is none.
    public init?(host: String, port: UInt16) {
        var four = in_addr()
        if inet_pton(AF_INET, host, &four) == 1 {
            self = .ipv4(UInt32(bigEndian: four.s_addr), port: port)
            return
        }
        var six = sockaddr_in6()
        guard inet_pton(AF_INET6, host, &six.sin6_addr) == 1 else { return nil }
        six.sin6_family = sa_family_t(AF_INET6)
        six.sin6_port = port.bigEndian
        self = withUnsafeBytes(of: &six) { $0.baseAddress.map(UnsafeSocketAddress.read) ?? .unix }
    }

    /// The address as an IPv6 one, IPv4 mapped; nil for a Unix socket.
    fileprivate var words: (high: UInt64, low: UInt64)? {
        switch self {
        case .ipv4(let address, _): (0, 0xFFFF_0000_0000 | UInt64(address))
        case .ipv6(let high, let low, _, _): (high, low)
        case .unix: nil
        }
    }
}
