import CSystem
import Glibc

/// A POSIX thread that runs one closure. It blocks the signals that another thread of the process waits for, and no
/// others: a crash on it is told and blamed like any.
public enum SystemThread {
    private final class Start {
        let name: String
        let body: @Sendable () -> Void

        init(_ name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// What `pthread_create` does, with default attributes; a `pthread_t` is a UInt.
    public typealias Creation = (
        UnsafeMutablePointer<UInt>, @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer?,
        UnsafeMutableRawPointer?
    ) -> Int32

    /// Runs `body` on a thread of its own. Any thread.
    /// - Parameters:
    ///   - name: what `top -H` shows, 15 bytes at most.
    ///   - create: how the thread is made; nil: by `pthread_create`.
    /// - Returns: the thread as a `pthread_t`, to be joined or detached; nil when the system has none left.
    public static func start(
        _ name: String, by create: Creation? = nil, _ body: @escaping @Sendable () -> Void
    ) -> UInt? {
        let start = Unmanaged.passRetained(Start(name, body))
        var thread = pthread_t()
        let create = create ?? { pthread_create($0, nil, $1, $2) }
        let code = create(
            &thread,
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
            return nil
        }
        return thread
    }
}
