internal import Locking

/// Log-ins that nobody waits for any more, although their password is not hashed yet: the client left, or the deadline
/// passed. Hashing costs some 100 ms of a core, so in a flood of log-ins the dead ones must not delay the living.
final class AbandonedLogIns: Sendable {
    private let tokens = Locked<Set<UInt64>>([])

    /// As many as can be pending at once; beyond it, hashing in vain is the smaller evil.
    private static let maximumCount = 10_000

    func add(_ token: UInt64) {
        tokens.withLock { tokens in
            // A token whose hashing had begun is never taken out; they are rare, and forgotten here.
            if tokens.count >= Self.maximumCount { tokens.removeAll() }
            tokens.insert(token)
        }
    }

    /// Whether this one was abandoned; forgets it.
    func take(_ token: UInt64) -> Bool {
        tokens.withLock { $0.remove(token) != nil }
    }
}
