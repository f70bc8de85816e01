import BrokerCore
import Glibc

/// On which kind of thread one stands; the raw values are those of `HL_THREAD_*`.
enum ThreadKind: UInt32 {
    case other = 0
    case loop = 1
    case worker = 2
    case control = 4

    /// pthread_key_create fails only when 1,024 keys are taken; then every thread is "other".
    private static let key: pthread_key_t? = {
        var key = pthread_key_t()
        return pthread_key_create(&key, nil) == 0 ? key : nil
    }()

    /// Of the calling thread. Hooks that decide run on event loops unless a worker runs them.
    static var current: ThreadKind {
        let marked = key.flatMap { pthread_getspecific($0) }.map { UInt32(UInt(bitPattern: $0)) }
        if let kind = marked.flatMap(ThreadKind.init), kind != .other { return kind }
        return HookCalls.isInHook ? .loop : .other
    }

    /// Runs `body` as this kind of thread.
    static func with<Result, Failure: Error>(
        _ kind: ThreadKind, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard let key else { return try body() }
        let before = pthread_getspecific(key)
        pthread_setspecific(key, UnsafeRawPointer(bitPattern: UInt(kind.rawValue)))
        defer { pthread_setspecific(key, before) }
        return try body()
    }
}
