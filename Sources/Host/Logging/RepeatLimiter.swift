/// Keeps one noisy client from filling the log: the first line of a kind and subject is written at once, the following
/// ones are counted, and the line is said again with their number when its window ends.
///
/// Invariant: at most ``maximumSubjects`` entries. When they are all taken, lines about further subjects are counted
/// under one entry per event, so a flood under ever new names does not get around the limit.
struct RepeatLimiter {
    static let windowSeconds = 10
    static let window = Int64(windowSeconds) * 1_000_000_000
    static let maximumSubjects = 1_024

    private struct Key: Hashable {
        var event: LogEvent
        var subject: [UInt8]
    }

    private struct Entry {
        var windowEnd: Int64
        var line: LogLine
    }

    private var entries: [Key: Entry] = [:]

    /// When ``ended(by:)`` has something to do; nil = never. Wall clock, ns.
    var nextWindowEnd: Int64? { entries.values.lazy.map(\.windowEnd).min() }

    /// Whether a line about `subject` is to be written now; `make` is called only then.
    mutating func admit(
        _ event: LogEvent, subject: [UInt8], now: Int64, make: () -> LogLine
    ) -> LogLine? {
        var key = Key(event: event, subject: subject)
        if count(key, now: now) { return nil }
        if entries.count >= Self.maximumSubjects {
            key.subject = []
            if count(key, now: now) { return nil }
        }
        let line = make()
        entries[key] = Entry(windowEnd: now + Self.window, line: line)
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
        var lines: [LogLine] = []
        for (key, entry) in entries where entry.windowEnd <= now {
            guard entry.line.repeats > 0 else {
                entries[key] = nil
                continue
            }
            var line = entry.line
            line.time = now
            lines.append(line)
            line.repeats = 0
            entries[key] = Entry(windowEnd: now + Self.window, line: line)
        }
        return lines.sorted { $0.event < $1.event }
    }

    /// What was counted but not yet written; for the end of the process.
    mutating func flush(now: Int64) -> [LogLine] {
        for key in entries.keys { entries[key]?.windowEnd = now }
        return ended(by: now)
    }
}
