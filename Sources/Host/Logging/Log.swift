public import Configuration
import Glibc
import Locking
import Reactor
import Synchronization

/// The log: lines go in on any thread, one thread of its own writes them to standard error.
///
/// A loop never waits for a slow terminal or a full pipe: lines queue up to a bound (``maximumLines`` and
/// ``maximumBytes``), what is beyond is dropped, counted and reported as `log.dropped`. Nothing is built or formatted
/// for a level that is off. Secrets are no values: no caller passes a password, a key or a payload.
public final class Log: Sendable {
    /// Lines that may wait.
    static let maximumLines = 8_192
    /// Bytes of outside text that may wait.
    static let maximumBytes = 4 << 20

    private struct Pending: Sendable {
        var lines: [LogLine] = []
        var bytes = 0
        var dropped = 0
        var repeats = RepeatLimiter()
        var closed = false
    }

    private let pending = Locked(Pending())
    private let threshold: Atomic<UInt8>
    private let writer: LogWriter

    /// A log that writes to `fileDescriptor` from the moment of ``start()``; until then lines wait in the queue.
    public init(level: LogLevel, format: LogFormat, fileDescriptor: Int32 = 2) {
        threshold = Atomic(level.talkativeness)
        writer = LogWriter(fileDescriptor: fileDescriptor, format: format)
    }

    /// The least level that is written. May change at any time. [any thread]
    public func setLevel(_ level: LogLevel) { threshold.store(level.talkativeness, ordering: .relaxed) }

    /// Whether a line of `level` would be written. [any thread]
    public func isOn(_ level: LogLevel) -> Bool { level.talkativeness <= threshold.load(ordering: .relaxed) }

    /// Writes a line; `fields` is not called when the level is off. [any thread]
    public func write(_ event: LogEvent, _ level: LogLevel = .info, _ fields: () -> [LogField] = { [] }) {
        guard isOn(level) else { return }
        enqueue(LogLine(time: WallClock.now(), level: level, event: event, fields: fields()))
    }

    /// Writes a line that a client could cause over and over: at most one per `subject` and ten seconds, with a count
    /// of the others. `fields` is called for a line that is written only. [any thread]
    public func write(
        _ event: LogEvent, _ level: LogLevel, about subject: [UInt8], _ fields: () -> [LogField]
    ) {
        guard isOn(level) else { return }
        let key = RepeatLimiter.Key(event, about: subject)
        let line = pending.withLock { pending in
            pending.repeats.admit(key, now: MonotonicClock.now) {
                LogLine(time: WallClock.now(), level: level, event: event, fields: fields())
            }
        }
        if let line { enqueue(line) }
    }

    /// Writes what a plugin has to say. `name` is the plugin's own event, such as `geo.lookup_failed`; one that is no
    /// word of letters, digits, `.`, `_` and `-` is written as `plugin.message`. [any thread]
    public func write(plugin: String, event name: String, _ level: LogLevel, _ fields: [LogField]) {
        guard isOn(level) else { return }
        enqueue(
            LogLine(
                time: WallClock.now(), level: level,
                event: Self.isWord(name) ? name : LogEvent.pluginMessage.rawValue,
                fields: [LogField("plugin", plugin)] + fields.map(Self.checked)))
    }

    /// Keys that every line has, or that say who wrote it.
    private static let ownKeys: Set<String> = ["time", "level", "event", "plugin", "repeats"]

    /// A plugin chooses its keys; they must not break the line, nor say twice what the line says already.
    private static func checked(_ field: LogField) -> LogField {
        guard isWord(field.key) else { return LogField("field", field.value) }
        return ownKeys.contains(field.key) ? LogField(field.key + "_", field.value) : field
    }

    private static func isWord(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count) && name.utf8.allSatisfy(mayStandInName)
    }

    private static func mayStandInName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."),
            UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    private func enqueue(_ line: LogLine) {
        let size = line.outsideBytes
        let wasEmpty = pending.withLock { pending in
            let full = pending.lines.count >= Self.maximumLines || pending.bytes + size > Self.maximumBytes
            guard !full, !pending.closed else {
                pending.dropped += 1
                return false
            }
            pending.lines.append(line)
            pending.bytes += size
            return pending.lines.count == 1
        }
        if wasEmpty { writer.wake() }
    }

    /// Takes what waits. [writer's thread]
    func take(_ lines: inout [LogLine], now: Int64) -> (dropped: Int, nextWindowEnd: Int64?, closed: Bool) {
        pending.withLock { pending in
            swap(&lines, &pending.lines)
            let dropped = pending.dropped
            (pending.bytes, pending.dropped) = (0, 0)
            let repeated = pending.closed ? pending.repeats.flush(now: now) : pending.repeats.ended(by: now)
            for var line in repeated {
                line.time = WallClock.now()
                lines.append(line)
            }
            return (dropped, pending.repeats.nextWindowEnd, pending.closed)
        }
    }

    /// Starts the writer's thread.
    public func start() throws(OperationError) {
        try writer.start(self)
    }

    /// Writes what waits and ends the writer's thread; gives up after a second when nobody reads our standard error.
    /// Lines that come later are dropped.
    public func close() {
        pending.withLock { $0.closed = true }
        writer.finish()
    }
}

extension LogLine {
    /// Bytes of the fields that were made for this line; what counts against the queue's bound.
    var outsideBytes: Int {
        fields.reduce(64) { sum, field in
            switch field.value {
            case .text(let text): sum + text.utf8.count
            case .bytes(let bytes): sum + bytes.count
            case .number, .flag, .code, .duration: sum + 16
            }
        }
    }
}

/// The clock on the wall; only the log and file dates read it.
enum WallClock {
    /// Nanoseconds since 1970.
    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
