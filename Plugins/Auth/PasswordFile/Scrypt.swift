import COpenSSL

/// Cost of one scrypt computation (RFC 7914): time grows with N·r·p, memory with N·r.
public struct ScryptCost: Hashable, Sendable {
    /// log2 of N.
    public var logN: Int
    /// Block size.
    public var blockSize: Int
    /// Parallelization.
    public var parallelization: Int

    /// What new passwords get: 32 MiB and some 60 to 100 ms on a server's core. A log-in costs that much, too, so it
    /// belongs on a worker thread.
    public static let standard = ScryptCost(logN: 15, blockSize: 8, parallelization: 1)

    /// What a password file may ask for. The upper bounds keep a file somebody else wrote from taking the machine:
    /// at most 128 MiB and about a second per log-in.
    static let allowedLogN = 10...17
    static let allowedBlockSize = 1...16
    static let allowedParallelization = 1...8
    static let maxMemory = 128 << 20

    /// A cost; files may only use those that ``isAllowed``.
    public init(logN: Int, blockSize: Int, parallelization: Int) {
        self.logN = logN
        self.blockSize = blockSize
        self.parallelization = parallelization
    }

    /// Within the bounds above.
    public var isAllowed: Bool {
        Self.allowedLogN.contains(logN) && Self.allowedBlockSize.contains(blockSize)
            && Self.allowedParallelization.contains(parallelization) && memory <= Self.maxMemory
    }

    /// Bytes of the big table.
    var memory: Int { 128 * blockSize << logN }
}

/// scrypt and its neighbours from OpenSSL. Every call into C is in this file.
enum Scrypt {
    /// `count` bytes derived from password and salt; nil when OpenSSL refuses the cost or lacks memory.
    static func derive(password: RawSpan, salt: [UInt8], cost: ScryptCost, count: Int) -> [UInt8]? {
        guard (1..<32).contains(cost.logN), cost.blockSize > 0, cost.parallelization > 0 else { return nil }
        var key = [UInt8](repeating: 0, count: count)
        // OpenSSL's own limit of 32 MiB would refuse what we allow; what it counts is the table plus the blocks.
        let limit = cost.memory + 128 * cost.blockSize * cost.parallelization + (1 << 20)
        let done = password.withUnsafeBytes { password in
            EVP_PBE_scrypt(
                password.baseAddress?.assumingMemoryBound(to: CChar.self), password.count, salt, salt.count,
                UInt64(1) << UInt64(cost.logN), UInt64(cost.blockSize), UInt64(cost.parallelization), UInt64(limit),
                &key, key.count)
        }
        return done == 1 ? key : nil
    }

    /// Bytes nobody can guess; nil when the system has none.
    static func random(count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        return RAND_bytes(&bytes, Int32(count)) == 1 ? bytes : nil
    }

    /// Equality in a time that tells nothing about where the difference is.
    static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
    }

    /// Overwrites in a way the compiler does not remove.
    static func wipe(_ bytes: inout [UInt8]) {
        OPENSSL_cleanse(&bytes, bytes.count)
    }
}
