import Glibc

/// Conversion between `SocketAddress` and the kernel's `sockaddr` family.
enum UnsafeSocketAddress {
    static func in6(high: UInt64, low: UInt64) -> in6_addr {
        var address = in6_addr()
        withUnsafeMutableBytes(of: &address) { bytes in
            bytes.storeBytes(of: high.bigEndian, toByteOffset: 0, as: UInt64.self)
            bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        return address
    }

    /// Calls `body` with the kernel's form of an internet address; nil for a Unix socket, which has a path instead.
    static func withKernelForm<Result>(
        of address: SocketAddress, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result? {
        switch address {
        case .ipv4(let host, let port):
            var kernel = sockaddr_in()
            kernel.sin_family = sa_family_t(AF_INET)
            kernel.sin_port = port.bigEndian
            kernel.sin_addr.s_addr = host.bigEndian
            return withGenericForm(of: &kernel, body)
        case .ipv6(let high, let low, let scope, let port):
            var kernel = sockaddr_in6()
            kernel.sin6_family = sa_family_t(AF_INET6)
            kernel.sin6_port = port.bigEndian
            kernel.sin6_scope_id = scope
            kernel.sin6_addr = in6(high: high, low: low)
            return withGenericForm(of: &kernel, body)
        case .unix: return nil
        }
    }

    /// The kernel's form of a Unix socket's path, nil when it is longer than the 107 bytes that fit.
    static func unixForm(path: String) -> sockaddr_un? {
        var kernel = sockaddr_un()
        kernel.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let fits = withUnsafeMutableBytes(of: &kernel.sun_path) { room in
            guard bytes.count < room.count, !bytes.contains(0) else { return false }
            room.copyBytes(from: bytes)
            return true
        }
        return fits ? kernel : nil
    }

    static func withGenericForm<Kernel, Result>(
        of kernel: inout Kernel, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        withUnsafePointer(to: &kernel) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<Kernel>.size))
            }
        }
    }

    /// Reads what accept, getsockname or getaddrinfo filled in.
    static func read(_ kernel: UnsafeRawPointer) -> SocketAddress {
        switch Int32(kernel.loadUnaligned(as: sa_family_t.self)) {
        case AF_INET:
            let address = kernel.loadUnaligned(as: sockaddr_in.self)
            return .ipv4(UInt32(bigEndian: address.sin_addr.s_addr), port: UInt16(bigEndian: address.sin_port))
        case AF_INET6:
            var address = kernel.loadUnaligned(as: sockaddr_in6.self)
            let port = UInt16(bigEndian: address.sin6_port)
            let (high, low) = withUnsafeBytes(of: &address.sin6_addr) { bytes in
                (
                    UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                    UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
                )
            }
            let isMapped = high == 0 && low >> 32 == 0xFFFF
            if isMapped { return .ipv4(UInt32(truncatingIfNeeded: low), port: port) }
            return .ipv6(high: high, low: low, scope: address.sin6_scope_id, port: port)
        default: return .unix
        }
    }
}
