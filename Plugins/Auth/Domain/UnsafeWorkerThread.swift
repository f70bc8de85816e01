internal import CSystem
internal import Glibc

/// A thread of this plugin, to be joined before the plugin is gone.
///
/// @unchecked Sendable: the handle is constant, and joined once by whoever owns the thread.
struct WorkerThread: @unchecked Sendable {
    /// How far event loops go before it.
    enum Priority: Sendable {
        case normal
        /// Some tenth of a core when everybody wants it.
        case low
        /// What nobody else wants. Only such a thread gives its core back at once when an event loop wakes up: the
        /// scheduler lets all others finish their slice of some milliseconds.
        case idle
    }

    private final class Start {
        let name: String
        let priority: Priority
        let body: @Sendable () -> Void

        init(_ name: String, _ priority: Priority, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.priority = priority
            self.body = body
        }
    }

    private let handle: pthread_t

    /// - Parameters:
    ///   - name: at most 15 bytes, for `top -H`.
    /// - Returns: `nil` when the system has no thread left.
    init?(_ name: String, _ priority: Priority, _ body: @escaping @Sendable () -> Void) {
        let start = Unmanaged.passRetained(Start(name, priority, body))
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

    private static let run: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
        guard let argument else { return nil }
        let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        csystem_name_thread(start.name)
        take(start.priority)
        start.body()
        return nil
    }
}

/// Of the calling thread, which 0 stands for on Linux. Giving priority up is always allowed; it cannot be had back.
private func take(_ priority: WorkerThread.Priority) {
    switch priority {
    case .normal: break
    case .low: setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
    case .idle:
        // SCHED_IDLE, which the header shows to GNU programs only.
        var none = sched_param()
        if sched_setscheduler(0, 5, &none) != 0 { take(.low) }
    }
}

/// Counts what may be taken; takers wait while there is nothing.
///
/// @unchecked Sendable: a POSIX semaphore that is allocated once and does not move.
final class Semaphore: @unchecked Sendable {
    private let raw: UnsafeMutablePointer<sem_t>

    init() {
        raw = .allocate(capacity: 1)
        let code = sem_init(raw, 0, 0)
        precondition(code == 0, "an unshared semaphore needs no resource of the system")
    }

    deinit {
        sem_destroy(raw)
        raw.deallocate()
    }

    func signal() { sem_post(raw) }

    func wait() { while sem_wait(raw) != 0 && errno == EINTR {} }

    /// - Returns: false when time was up.
    func wait(milliseconds: Int) -> Bool {
        var end = timespec()
        clock_gettime(CLOCK_REALTIME, &end)
        let nanoseconds = end.tv_nsec + milliseconds % 1_000 * 1_000_000
        end.tv_sec += milliseconds / 1_000 + nanoseconds / 1_000_000_000
        end.tv_nsec = nanoseconds % 1_000_000_000
        while sem_timedwait(raw, &end) != 0 {
            if errno != EINTR { return false }
        }
        return true
    }
}
