internal import CSystem
internal import Glibc

/// A thread of a plugin, to be joined before the plugin is gone.
///
/// @unchecked Sendable: the handle is constant, and joined once by whoever owns the thread.
struct SenderThread: @unchecked Sendable {
    private final class Start {
        let name: String
        let body: @Sendable () -> Void

        init(_ name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    private let handle: pthread_t

    /// - Parameter name: at most 15 bytes, for `top -H`.
    /// - Returns: `nil` when the system has no thread left.
    init?(_ name: String, _ body: @escaping @Sendable () -> Void) {
        let start = Unmanaged.passRetained(Start(name, body))
        var handle = pthread_t()
        // Signals are the host's business.
        var (all, before) = (sigset_t(), sigset_t())
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        let code = pthread_create(&handle, nil, Self.run, start.toOpaque())
        pthread_sigmask(SIG_SETMASK, &before, nil)
        guard code == 0 else {
            start.release()
            return nil
        }
        self.handle = handle
    }

    /// Waits for its end.
    func join() { pthread_join(handle, nil) }

    /// Monotonic nanoseconds.
    static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    private static let run: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
        guard let argument else { return nil }
        let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        csystem_name_thread(start.name)
        start.body()
        return nil
    }
}
