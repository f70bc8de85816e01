import CSystem
import Glibc
import PluginABI

/// A thread of a store. It blocks the signals that another thread of the broker waits for, and no others: a crash here
/// is told and blamed like any.
public struct StoreThread: ~Copyable {
    private final class Start {
        let name: String
        let body: @Sendable () -> Void

        init(_ name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    private let thread: pthread_t

    /// Runs `body` on a thread of its own, which must be joined.
    /// - Parameter name: what `top -H` shows, 15 bytes at most.
    /// - Throws: the system has no thread left.
    public init(_ name: String, _ body: @escaping @Sendable () -> Void) throws(StoreFailure) {
        let start = Unmanaged.passRetained(Start(name, body))
        var made = pthread_t()
        let code = pthread_create(
            &made, nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                csystem_block_signals()
                csystem_name_thread(start.name)
                start.body()
                return nil
            }, start.toOpaque())
        guard code == 0 else {
            start.release()
            throw StoreFailure(HL_NO_MEMORY, "the system has no thread left for the store")
        }
        thread = made
    }

    /// Waits for its end.
    public consuming func join() { pthread_join(thread, nil) }
}
