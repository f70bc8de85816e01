internal import Locking
internal import PluginABI

extension PluginHost {
    /// Runs `body` on a worker thread, where it may block. Work that has not begun when the plugin stops is dropped.
    /// - Returns: false when the queue is full.
    @discardableResult
    public func submit(_ body: @escaping @Sendable () -> Void) -> Bool {
        guard let submit = raw.pointee.executor?.pointee.submit else { return false }
        let work = works.add(body, once: true)
        guard submit(raw, Work.run, work) == HL_OK else {
            works.remove(work)
            return false
        }
        return true
    }

    /// Calls `body` on a worker thread after `delay`, and then every `period`; never twice at the same time.
    /// - Parameters:
    ///   - delay: nanoseconds.
    ///   - period: nanoseconds; `nil`: once.
    /// - Returns: `nil` without the service.
    @discardableResult
    public func startTimer(
        after delay: Int64, every period: Int64? = nil, _ body: @escaping @Sendable () -> Void
    ) -> PluginTimer? {
        guard let start = raw.pointee.timer?.pointee.start else { return nil }
        let work = works.add(body, once: period == nil)
        var timer: hl_timer = 0
        guard start(raw, delay, period ?? 0, Work.run, work, &timer) == HL_OK else {
            works.remove(work)
            return nil
        }
        return PluginTimer(id: timer)
    }

    /// Ends a timer: its function does not begin any more, but may still be running.
    public func stop(_ timer: PluginTimer) {
        _ = raw.pointee.timer?.pointee.stop?(raw, timer.id)
    }

    /// Calls `body` on a worker thread when the file may have changed, until the plugin stops. It is a hint: read the
    /// file and compare. The file need not exist yet.
    /// - Returns: false when it cannot be watched.
    @discardableResult
    public func watch(_ path: String, _ body: @escaping @Sendable () -> Void) -> Bool {
        guard let add = raw.pointee.watch?.pointee.add else { return false }
        let work = works.add(body, once: false)
        var watch: hl_watch = 0
        guard withView(path, { add(raw, $0, Work.run, work, &watch) }) == HL_OK else {
            works.remove(work)
            return false
        }
        return true
    }
}

/// A running timer, see `PluginHost.startTimer`.
public struct PluginTimer: Sendable {
    let id: UInt64
}

/// Closures given to the host as bare pointers, kept alive here: one that runs once until it has run, the others as
/// long as the plugin, since the host may be inside one when it is stopped.
final class WorkList: Sendable {
    private let works = Locked<[UInt: Work]>([:])

    func add(_ body: @escaping @Sendable () -> Void, once: Bool) -> UnsafeMutableRawPointer {
        let work = Work(body, in: self, once: once)
        let pointer = Unmanaged.passUnretained(work).toOpaque()
        let key = UInt(bitPattern: pointer)
        works.withLock { $0[key] = work }
        return pointer
    }

    func remove(_ pointer: UnsafeMutableRawPointer) {
        // The last reference ends outside the lock: what a closure holds may have a deinit of its own.
        let key = UInt(bitPattern: pointer)
        _ = works.withLock { $0.removeValue(forKey: key) }
    }

    /// Lets go of everything; the host has no call left.
    func removeAll() {
        _ = works.withLock { works in
            let all = works
            works = [:]
            return all
        }
    }
}

/// One closure the host can call through `Work.run`.
final class Work: Sendable {
    private let body: @Sendable () -> Void
    private let list: WorkList
    private let once: Bool

    init(_ body: @escaping @Sendable () -> Void, in list: WorkList, once: Bool) {
        self.body = body
        self.list = list
        self.once = once
    }

    /// The C function behind submit, timer and watch; `user` is the `Work`, alive because its list holds it.
    static let run: @convention(c) (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) -> Void = { _, user in
        guard let user else { return }
        let work = Unmanaged<Work>.fromOpaque(user).takeUnretainedValue()
        work.body()
        if work.once { work.list.remove(user) }
    }
}
