import CSQLite
import Glibc
import Locking
import PluginABI
import StoreEngine

/// Works the log into the database on a thread of its own, with a connection of its own, while commits go on.
///
/// A log to which somebody always adds is never empty when its copy is done. So the store's thread does the rest of it
/// between two commits: what came during the last pass, which is little.
///
/// @unchecked Sendable: `connection` is used by the thread only; `state` is only touched between lock and unlock of
/// `mutex`; the two POSIX objects never move.
final class Checkpointer: @unchecked Sendable {
    enum Step { case nothing, finish }
    private enum State { case idle, asked, done, stopped }

    private let connection: UnsafeConnection
    private let options: StoreOptions
    private let limit: UInt64
    private var state = State.idle
    private var thread: StoreThread?
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    /// `limit`: bytes of the log at which a pass begins.
    init(_ path: String, _ options: StoreOptions, limit: Int) throws(StoreFailure) {
        connection = try UnsafeConnection(path, isReadOnly: false)
        self.options = options
        self.limit = UInt64(limit)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
        // FULL: the copy is on the disk before the log may be overwritten.
        try connection.execute("PRAGMA synchronous = FULL")
        try connection.execute("PRAGMA wal_autocheckpoint = 0")
        thread = try StoreThread("store-log") { [unowned self] in run() }
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// [store] What to do after a commit.
    func next(logBytes: UInt64) -> Step {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        switch state {
        case .done:
            state = .idle
            return .finish
        case .idle where logBytes > limit:
            state = .asked
            pthread_cond_signal(changed)
            return .nothing
        case .idle, .asked, .stopped: return .nothing
        }
    }

    /// [worker] Ends the thread.
    func stop() {
        pthread_mutex_lock(mutex)
        state = .stopped
        pthread_cond_signal(changed)
        pthread_mutex_unlock(mutex)
        thread.take()?.join()
    }

    private func run() {
        while waitForWork() {
            let code = sqlite3_wal_checkpoint_v2(connection.handle, "main", SQLITE_CHECKPOINT_PASSIVE, nil, nil)
            if code != SQLITE_OK, code & 0xff != SQLITE_BUSY {
                options.report(.warning, connection.failure("work the log into the database").message)
            }
            pthread_mutex_lock(mutex)
            if state == .asked { state = .done }
            pthread_mutex_unlock(mutex)
        }
    }

    private func waitForWork() -> Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while state != .asked && state != .stopped { pthread_cond_wait(changed, mutex) }
        return state == .asked
    }
}
