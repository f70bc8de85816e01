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
        var pluginLines = PluginLineLimiter()
        var closed = false
    }

    private let pending = Locked(Pending())
    /// The loudest of all levels: what is above it is off at the price of one comparison.
    private let threshold: Atomic<UInt8>
    /// Whether parts have levels of their own, which then have to be looked up.
    private let hasParts: Atomic<Bool>
    private let levels: Locked<LogLevels>
    private let writer: LogWriter

    /// A log that writes to `fileDescriptor` from the moment of ``start()``; until then lines wait in the queue.
    public convenience init(level: LogLevel, format: LogFormat, fileDescriptor: Int32 = 2) {
        self.init(levels: LogLevels(general: level), format: format, fileDescriptor: fileDescriptor)
    }

    /// As above, with levels for single parts.
    public init(levels: LogLevels, format: LogFormat, fileDescriptor: Int32 = 2) {
        threshold = Atomic(levels.loudest.talkativeness)
        hasParts = Atomic(!levels.parts.isEmpty)
        self.levels = Locked(levels)
        writer = LogWriter(fileDescriptor: fileDescriptor, format: format)
    }

    /// The levels in force. May change at any time. [any thread]
    public func setLevels(_ new: LogLevels) {
        levels.withLock { levels in
            levels = new
            threshold.store(new.loudest.talkativeness, ordering: .relaxed)
            hasParts.store(!new.parts.isEmpty, ordering: .relaxed)
        }
    }

    /// The levels in force. [any thread]
    public var currentLevels: LogLevels { levels.withLock { $0 } }

    /// Whether a line of `level` under the name of `event` would be written. [any thread]
    /// - Parameter plugin: who says it or whom it is about; empty: no plugin.
    public func isOn(_ level: LogLevel, _ event: String, plugin: String = "") -> Bool {
        guard mayBeOn(level) else { return false }
        guard hasParts.load(ordering: .relaxed) else { return true }
        return level <= levels.withLock { $0.level(of: event, plugin: plugin) }
    }

    private func mayBeOn(_ level: LogLevel) -> Bool { level.talkativeness <= threshold.load(ordering: .relaxed) }

    private func isOn(_ level: LogLevel, _ event: LogEvent) -> Bool {
        guard mayBeOn(level) else { return false }
        return !hasParts.load(ordering: .relaxed) || isOn(level, event.rawValue)
    }

    /// Writes a line; `fields` is not called when the level is off. [any thread]
    public func write(_ event: LogEvent, _ level: LogLevel = .info, _ fields: () -> [LogField] = { [] }) {
        guard isOn(level, event) else { return }
        let fields = fields()
        assert(event.allows(level, fields), "\(event.rawValue) is not logged as its row of the vocabulary says")
        enqueue(LogLine(time: WallClock.now(), level: level, event: event, fields: fields))
    }

    /// Writes a line that a client could cause over and over: at most one per `subject` and ten seconds, with a count
    /// of the others. `fields` is called for a line that is written only. [any thread]
    public func write(
        _ event: LogEvent, _ level: LogLevel, about subject: [UInt8], _ fields: () -> [LogField]
    ) {
        guard isOn(level, event) else { return }
        let key = RepeatLimiter.Key(event, about: subject)
        let line = pending.withLock { pending in
            pending.repeats.admit(key, now: MonotonicClock.now) {
                let fields = fields()
                assert(event.allows(level, fields), "\(event.rawValue): see its row of the vocabulary")
                return LogLine(time: WallClock.now(), level: level, event: event, fields: fields)
            }
        }
        if let line { enqueue(line) }
    }

    /// Writes what a plugin has to say. `name` is the plugin's own event, such as `geo.lookup_failed`; one that is no
    /// word of letters, digits, `.`, `_` and `-` is written as `plugin.message`. [any thread]
    public func write(plugin: String, event name: String, _ level: LogLevel, _ fields: [LogField]) {
        guard isOn(level, name, plugin: plugin) else { return }
        let line = LogLine(
            time: WallClock.now(), level: level, event: Self.isWord(name) ? name : LogEvent.pluginMessage.rawValue,
            fields: [LogField("plugin", plugin)] + fields.map(Self.checked))
        // What the loader says of a plugin is the broker's word, and is as rare as what it is about.
        let isOwn = !line.event.hasPrefix("plugin.") || line.event == LogEvent.pluginMessage.rawValue
        guard let admitted = isOwn ? limited(line, of: plugin) : line else { return }
        enqueue(admitted)
    }

    /// A plugin in a loop must not fill the log: lines of one plugin and event beyond ``PluginLineLimiter/burst`` in a
    /// window are counted, and told as repeats of the last one.
    private func limited(_ line: LogLine, of plugin: String) -> LogLine? {
        let now = MonotonicClock.now
        return pending.withLock { $0.pluginLines.admit(line, of: plugin, now: now) }
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
            var repeated = pending.closed ? pending.repeats.flush(now: now) : pending.repeats.ended(by: now)
            repeated += pending.pluginLines.ended(by: pending.closed ? .max : now)
            for var line in repeated {
                line.time = WallClock.now()
                lines.append(line)
            }
            let next = [pending.repeats.nextWindowEnd, pending.pluginLines.nextWindowEnd].compactMap { $0 }.min()
            return (dropped, next, pending.closed)
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
