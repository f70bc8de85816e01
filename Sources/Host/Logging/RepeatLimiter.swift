/// Keeps one noisy client from filling the log: the first line of a kind and subject is written at once, the following
/// ones are counted, and the line is said again with their number when its window ends.
///
/// Times are those of a clock that never jumps, in ns. Invariant: at most ``maximumSubjects`` entries, beside one per
/// event. When they are all taken, lines about further subjects are counted under that one, so a flood under ever new
/// names does not get around the limit.
struct RepeatLimiter {
    static let windowSeconds = 10
    static let window = Int64(windowSeconds) * 1_000_000_000
    static let maximumSubjects = 1_024

    /// What is counted together.
    struct Key: Hashable {
        fileprivate let event: LogEvent
        /// A digest of the subject's first bytes and its length: names are as long as clients like, and a collision
        /// costs no more than one count for two.
        fileprivate let subject: Int

        init(_ event: LogEvent, about subject: [UInt8]) {
            var hasher = Hasher()
            subject.prefix(128).withUnsafeBytes { hasher.combine(bytes: $0) }
            hasher.combine(subject.count)
            self.event = event
            self.subject = hasher.finalize()
        }

        /// All subjects of an event.
        fileprivate init(all event: LogEvent) {
            self.event = event
            subject = 0
        }
    }

    private struct Entry {
        var windowEnd: Int64
        var line: LogLine
    }

    private var entries: [Key: Entry] = [:]

    /// When ``ended(by:)`` has something to do; nil = never.
    private(set) var nextWindowEnd: Int64?

    /// The line to be written now, if it is; `make` is called only then.
    mutating func admit(_ key: Key, now: Int64, make: () -> LogLine) -> LogLine? {
        if count(key, now: now) { return nil }
        var key = key
        if entries.count >= Self.maximumSubjects {
            key = Key(all: key.event)
            if count(key, now: now) { return nil }
        }
        let line = make()
        entries[key] = Entry(windowEnd: now + Self.window, line: line)
        nextWindowEnd = min(nextWindowEnd ?? .max, now + Self.window)
        return line
    }

    /// Counts a repeat; false when there is no open window to count it in. A window that is over but whose count is
    /// not yet written stays open until it is.
    private mutating func count(_ key: Key, now: Int64) -> Bool {
        guard let index = entries.index(forKey: key) else { return false }
        let entry = entries.values[index]
        guard now < entry.windowEnd || entry.line.repeats > 0 else { return false }
        entries.values[index].line.repeats += 1
        return true
    }

    /// The lines whose window is over and that repeated in it. A quiet window forgets its subject, another one follows
    /// a noisy one: a lasting flood is one line per window.
    mutating func ended(by now: Int64) -> [LogLine] {
        guard let nextWindowEnd, nextWindowEnd <= now else { return [] }
        var lines: [LogLine] = []
        for (key, entry) in entries where entry.windowEnd <= now {
            guard entry.line.repeats > 0 else {
                entries[key] = nil
                continue
            }
            lines.append(entry.line)
            entries[key]?.line.repeats = 0
            entries[key]?.windowEnd = now + Self.window
        }
        self.nextWindowEnd = entries.values.lazy.map(\.windowEnd).min()
        return lines.sorted { $0.event < $1.event }
    }

    /// What was counted but not yet written; for the end of the process.
    mutating func flush(now: Int64) -> [LogLine] {
        for key in entries.keys { entries[key]?.windowEnd = now }
        nextWindowEnd = now
        return ended(by: now)
    }
}
