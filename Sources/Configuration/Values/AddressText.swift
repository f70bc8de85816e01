import Glibc

/// Addresses of machines as they are written in a configuration.
enum AddressText {
    /// Whether `text` is an address, alone or with a prefix length: `10.0.0.0/8`, `::1`.
    static func isRange(_ text: String) -> Bool {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        var address = in6_addr()
        let isFour = inet_pton(AF_INET, parts[0], &address) == 1
        guard isFour || inet_pton(AF_INET6, parts[0], &address) == 1 else { return false }
        guard parts.count == 2 else { return true }
        guard parts[1].allSatisfy({ $0.isASCII && $0.isNumber }), let bits = Int(parts[1]) else { return false }
        return (0...(isFour ? 32 : 128)).contains(bits)
    }
}
