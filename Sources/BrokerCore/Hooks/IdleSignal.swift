import Locking
import Synchronization

/// Tells who stops an instance that nothing waits for it any more. [any thread]
final class IdleSignal: Sendable {
    private let isWanted = Atomic(false)
    private let body = Locked<(@Sendable () -> Void)?>(nil)

    func set(_ new: (@Sendable () -> Void)?) {
        body.withLock { $0 = new }
        isWanted.store(new != nil, ordering: .releasing)
    }

    /// Something that waited is gone.
    func raise() {
        guard isWanted.load(ordering: .acquiring) else { return }
        body.withLock { $0 }?()
    }
}
