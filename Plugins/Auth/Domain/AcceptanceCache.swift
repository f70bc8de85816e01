internal import Locking
internal import PasswordFile

/// Acceptances that are remembered for a while, by a code of the credentials that only this process can compute: who
/// reads its memory finds no password. Bounded; what was used lately stays longest. Any thread.
final class AcceptanceCache: Sendable {
    private struct Entry {
        let identity: Identity
        let until: Int64
    }

    /// Two halves: when the young one is full it becomes the old one, and what nobody asked for meanwhile is gone.
    private struct State {
        var young: [[UInt8]: Entry] = [:]
        var old: [[UInt8]: Entry] = [:]
    }

    private let state = Locked(State())
    /// Nanoseconds.
    private let lifetime: Int64
    private let key: [UInt8]
    private let maximumHalf: Int

    /// - Parameters:
    ///   - lifetime: nanoseconds.
    ///   - key: random, of 32 bytes.
    ///   - maximumCount: acceptances that are remembered at most.
    init(lifetime: Int64, key: [UInt8], maximumCount: Int = 20_000) {
        self.lifetime = lifetime
        self.key = key
        maximumHalf = max(maximumCount / 2, 1)
    }

    /// What `recall` and `remember` take.
    func code(of credentials: [UInt8]) -> [UInt8] { CredentialCode.make(key: key, of: credentials) }

    /// - Parameter now: monotonic nanoseconds.
    func recall(_ code: [UInt8], now: Int64) -> Identity? {
        state.withLock { state in
            if let entry = state.young[code] { return entry.until > now ? entry.identity : nil }
            guard let entry = state.old[code], entry.until > now else { return nil }
            insert(entry, code, &state)
            return entry.identity
        }
    }

    func remember(_ identity: Identity, _ code: [UInt8], now: Int64) {
        let entry = Entry(identity: identity, until: now + lifetime)
        state.withLock { insert(entry, code, &$0) }
    }

    var count: Int { state.withLock { Set($0.young.keys).union($0.old.keys).count } }

    private func insert(_ entry: Entry, _ code: [UInt8], _ state: inout State) {
        if state.young[code] == nil, state.young.count >= maximumHalf {
            state.old = state.young
            state.young = [:]
        }
        state.young[code] = entry
    }
}
