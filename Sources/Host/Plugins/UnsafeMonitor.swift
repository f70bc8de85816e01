import CContainment
import Glibc
import Threading

/// A value behind a lock that threads can wait on.
///
/// @unchecked Sendable: `value` is only touched between lock and unlock of `mutex`; the two POSIX objects never move.
final class Monitor<Value>: @unchecked Sendable {
    private var value: Value
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init(_ value: Value) {
        self.value = value
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        // Deadlines must not move when somebody sets the wall clock.
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(changed, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// Changes the value and wakes who waits.
    func withLock<Result>(_ body: (inout Value) -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(changed)
            pthread_mutex_unlock(mutex)
        }
        return body(&value)
    }

    /// Looks at the value; nobody is woken.
    func read<Result>(_ body: (Value) -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body(value)
    }

    /// Asks `body` until it has a result, whenever the value was changed or the deadline it names has come.
    /// - Parameter body: its result; or nil and, in `deadline`, when to ask again at the latest (monotonic).
    func wait<Result>(_ body: (inout Value, _ deadline: inout Int64) -> Result?) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            var deadline = Int64.max
            if let result = body(&value, &deadline) { return result }
            if deadline == .max {
                pthread_cond_wait(changed, mutex)
            } else {
                var time = timespec(
                    tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
                pthread_cond_timedwait(changed, mutex, &time)
            }
        }
    }
}

/// A thread of the host, any of which may run plugins.
enum HostThread {
    /// Nil when the system has no thread left. Join what is returned.
    static func start(_ name: String, _ body: @escaping @Sendable () -> Void) -> pthread_t? {
        SystemThread.start(name, by: { hc_start_thread($0, $1, $2) }) {
            hc_join(nil)
            body()
            hc_part()
        }
    }
}
