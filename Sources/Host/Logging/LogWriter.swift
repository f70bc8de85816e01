import CSystem
import Configuration
import Glibc
import Reactor
import Synchronization

/// The thread that writes the log. It sleeps in poll(2) until a line comes or a window of repeats ends.
final class LogWriter: Sendable {
    private let output: Int32
    private let format: LogFormat
    private let underJournal: Bool
    /// Lines are waiting, or the log is closed.
    private let wakeUp: Int32
    /// The writer has written everything and is about to return.
    private let done: Int32
    private let started = Atomic(false)

    init(fileDescriptor: Int32, format: LogFormat) {
        output = fileDescriptor
        self.format = format
        underJournal = Journal.receives(fileDescriptor)
        wakeUp = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        done = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    }

    deinit {
        close(wakeUp)
        close(done)
    }

    func start(_ log: Log) throws(OperationError) {
        guard let thread = HostThread.start("hl-log", { [self] in run(log) }) else {
            throw OperationError("start the thread of the log", code: EAGAIN)
        }
        // Not joined: it may be stuck in a write that nobody reads when the process ends.
        pthread_detach(thread)
        started.store(true, ordering: .relaxed)
    }

    /// Makes the thread look at the queue. [any thread]
    func wake() { signal(wakeUp) }

    /// Waits until everything is written, for a second at most.
    func finish() {
        guard started.load(ordering: .relaxed) else { return }
        wake()
        wait(for: done, POLLIN, milliseconds: 1_000)
    }

    private func run(_ log: Log) {
        let formatter = LogFormatter(format: format, underJournal: underJournal)
        var lines: [LogLine] = []
        var text = LogText()
        while true {
            lines.removeAll(keepingCapacity: true)
            drain(wakeUp)
            let now = MonotonicClock.now
            let taken = log.take(&lines, now: now)
            if taken.dropped > 0 {
                lines.append(
                    LogLine(
                        time: WallClock.now(), level: .warn, event: .logDropped, fields: [.init("lines", taken.dropped)]
                    ))
            }
            for line in lines { formatter.append(line, to: &text) }
            write(text.bytes)
            text.removeAll()
            if taken.closed {
                signal(done)
                return
            }
            let sleep = taken.nextWindowEnd.map { max(0, $0 - now) / 1_000_000 + 1 } ?? -1
            wait(for: wakeUp, POLLIN, milliseconds: Int32(clamping: sleep))
        }
    }

    /// Writes all bytes. A broken standard error loses lines, never the broker.
    private func write(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(output, $0.baseAddress, $0.count) }
            if written >= 0 {
                rest = rest.dropFirst(written)
            } else if errno == EAGAIN {
                // Standard error may be shared with a program that made it non-blocking.
                wait(for: output, POLLOUT, milliseconds: -1)
            } else if errno != EINTR {
                return
            }
        }
    }

    private func wait(for descriptor: Int32, _ events: Int32, milliseconds: Int32) {
        var entry = pollfd(fd: descriptor, events: Int16(truncatingIfNeeded: events), revents: 0)
        _ = poll(&entry, 1, milliseconds)
    }

    private func signal(_ descriptor: Int32) { _ = eventfd_write(descriptor, 1) }

    private func drain(_ descriptor: Int32) {
        var count: eventfd_t = 0
        _ = eventfd_read(descriptor, &count)
    }
}

/// systemd's journal at the other end of standard error.
enum Journal {
    /// True when `JOURNAL_STREAM` names the very stream behind `descriptor` (systemd.exec(5)); the variable alone is
    /// inherited by processes whose output goes elsewhere.
    static func receives(_ descriptor: Int32, variable: String? = getenv("JOURNAL_STREAM").map { String(cString: $0) })
        -> Bool
    {
        var status = stat()
        guard let variable, fstat(descriptor, &status) == 0 else { return false }
        return variable == "\(status.st_dev):\(status.st_ino)"
    }
}
