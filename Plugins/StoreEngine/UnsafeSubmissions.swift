import Glibc
import PluginABI

/// What waits for the store's thread, in the order in which it came.
///
/// @unchecked Sendable: `items` and `isClosed` are only touched between lock and unlock of `mutex`; the two POSIX
/// objects never move; what items point to is lent by the caller of submit until its batch is answered.
final class UnsafeSubmissions: @unchecked Sendable {
    /// One batch; or, without `done`, somebody who waits for everything before it.
    struct Item {
        var batch: hl_store_batch
        var flush: FlushRequest?
    }

    private var items: [Item] = []
    private var isClosed = false
    private var isWaiting = false
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let arrived = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        // Deadlines must not move when somebody sets the wall clock.
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(arrived, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(arrived)
        pthread_mutex_destroy(mutex)
        arrived.deallocate()
        mutex.deallocate()
    }

    /// [any] False after `close`.
    func add(_ item: Item) -> Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        guard !isClosed else { return false }
        items.append(item)
        if isWaiting { pthread_cond_signal(arrived) }
        return true
    }

    /// [worker] Nothing comes any more.
    func close() {
        pthread_mutex_lock(mutex)
        isClosed = true
        pthread_cond_signal(arrived)
        pthread_mutex_unlock(mutex)
    }

    /// [store] Puts everything that has come into `taken`, which must be empty. Waits while there is nothing, at most
    /// until `deadline` (monotonic ns).
    /// - Returns: false when nothing will come any more.
    func take(into taken: inout [Item], until deadline: Int64?) -> Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while items.isEmpty && !isClosed {
            isWaiting = true
            defer { isWaiting = false }
            guard let deadline else {
                pthread_cond_wait(arrived, mutex)
                continue
            }
            var time = timespec(tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
            if pthread_cond_timedwait(arrived, mutex, &time) == ETIMEDOUT { break }
        }
        swap(&items, &taken)
        return !(taken.isEmpty && isClosed)
    }
}

/// Somebody waits until everything submitted before is answered and flushed.
///
/// @unchecked Sendable: `status` is only touched between lock and unlock of `mutex`; the two POSIX objects never move.
final class FlushRequest: @unchecked Sendable {
    private var status: hl_status?
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let answered = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(answered, nil)
    }

    deinit {
        pthread_cond_destroy(answered)
        pthread_mutex_destroy(mutex)
        answered.deallocate()
        mutex.deallocate()
    }

    func answer(_ status: hl_status) {
        pthread_mutex_lock(mutex)
        self.status = status
        pthread_cond_signal(answered)
        pthread_mutex_unlock(mutex)
    }

    func wait() -> hl_status {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let status { return status }
            pthread_cond_wait(answered, mutex)
        }
    }
}
