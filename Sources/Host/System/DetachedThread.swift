import CSystem
import Glibc

/// Threads of the host: POSIX threads with a name (15 characters), since loops outlive any task and must not share a
/// pool.
enum DetachedThread {
    /// Runs `body` on a new thread that nobody joins. All signals are blocked in it: they belong to the main thread.
    static func start(named name: String, _ body: @escaping @Sendable () -> Void) throws(OperationError) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let start = Unmanaged.passRetained(ThreadStart(name: name, body: body))
        var (all, before) = (sigset_t(), sigset_t())
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        let code = pthread_create(&thread, &attributes, threadMain, start.toOpaque())
        pthread_sigmask(SIG_SETMASK, &before, nil)
        guard code == 0 else {
            start.release()
            throw OperationError("start thread '\(name)'", code: code)
        }
    }
}

/// What a new thread needs; handed over as an opaque pointer.
private final class ThreadStart: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

private func threadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
    csystem_name_thread(start.name)
    start.body()
    return nil
}
