public import Glibc

/// A value that only one thread touches at a time.
///
/// It stands on a POSIX mutex and not on `Synchronization.Mutex`: ThreadSanitizer knows the former, and takes every use
/// of the latter for a data race, because the library that holds its lock is not instrumented. The lock is not
/// recursive, and no code of a plugin runs under it.
///
/// @unchecked Sendable: `value` is only touched between lock and unlock of `mutex`, and leaves as what `body` returns;
/// the mutex is allocated once and does not move.
public final class Locked<Value: ~Copyable>: @unchecked Sendable {
    @usableFromInline var value: Value
    @usableFromInline let mutex: UnsafeMutablePointer<pthread_mutex_t>

    /// Any thread.
    public init(_ value: consuming sending Value) {
        self.value = value
        mutex = .allocate(capacity: 1)
        let code = pthread_mutex_init(mutex, nil)
        precondition(code == 0, "a default mutex needs no resource of the system")
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Runs `body` while no other thread does, and answers what it answers. Any thread; waits while another one is in.
    @inlinable
    public func withLock<Result, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}
