/// A thread that computes for one other thread, at a priority of its own. It takes no lock: a thread that everybody
/// goes before must not hold anything that everybody waits for.
///
/// @unchecked Sendable: `body` and `result` are handed over by the semaphores; everything else is used by the one
/// thread it computes for.
final class ComputingThread: @unchecked Sendable {
    /// What is computed; what it answers is run by the thread that asked.
    typealias Body = @Sendable () -> @Sendable () -> Void

    private let start = Semaphore()
    private let done = Semaphore()
    private var body: Body?
    private var result: (@Sendable () -> Void)?
    private var isBusy = false
    private var thread: WorkerThread?
    private let name: String
    private let priority: WorkerThread.Priority

    init(_ name: String, _ priority: WorkerThread.Priority) {
        self.name = name
        self.priority = priority
    }

    /// Whether it is done with what somebody has given up waiting for, after a while.
    func isFree(milliseconds: Int) -> Bool {
        if isBusy, done.wait(milliseconds: milliseconds) { finish() }
        return !isBusy
    }

    /// Computes and waits for it. Only while it is free.
    /// - Returns: `nil` when time was up; the thread is not free then.
    func compute(_ body: @escaping Body, milliseconds: Int) -> (@Sendable () -> Void)? {
        if thread == nil { thread = WorkerThread(name, priority) { [self] in work() } }
        // Without a thread somebody has to do it.
        guard thread != nil else { return body() }
        self.body = body
        isBusy = true
        start.signal()
        guard done.wait(milliseconds: milliseconds) else { return nil }
        let result = result
        finish()
        return result
    }

    /// Ends the thread, waiting for what it computes.
    func stop() {
        guard let thread else { return }
        if isBusy { done.wait() }
        finish()
        start.signal()
        thread.join()
        self.thread = nil
    }

    private func finish() {
        body = nil
        result = nil
        isBusy = false
    }

    private func work() {
        while true {
            start.wait()
            guard let body else { return }
            result = body()
            done.signal()
        }
    }
}
