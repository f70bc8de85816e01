import Glibc
import PluginABI
import Threading

/// A thread of a store.
public struct StoreThread: ~Copyable {
    private let thread: pthread_t

    /// Runs `body` on a thread of its own, which must be joined.
    /// - Parameter name: what `top -H` shows, 15 bytes at most.
    /// - Throws: the system has no thread left.
    public init(_ name: String, _ body: @escaping @Sendable () -> Void) throws(StoreFailure) {
        guard let started = SystemThread.start(name, body) else {
            throw StoreFailure(HL_NO_MEMORY, "the system has no thread left for the store")
        }
        thread = started
    }

    /// Waits for its end.
    public consuming func join() { pthread_join(thread, nil) }
}
