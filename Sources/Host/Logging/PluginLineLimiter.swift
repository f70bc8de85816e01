/// Keeps one plugin from filling the log: of one event it may write ``burst`` lines in a window, the others are counted
/// and told with the last of them when the window ends.
///
/// Other than ``RepeatLimiter`` it does not know what a line is about: a plugin says different things under one event,
/// and the first thousand of them are worth reading.
///
/// Times are those of a clock that never jumps, in ns. Invariant: at most ``maximumKinds`` windows are open; a plugin
/// that invents event names shares one with all that have no place.
struct PluginLineLimiter {
    static let burst = 1_000
    static let window = RepeatLimiter.window
    static let maximumKinds = 1_024

    private struct Kind: Hashable {
        let plugin: String
        let event: String
    }

    private struct Window {
        let end: Int64
        var lines = 0
        /// The last line that was held back; its repeats are those before it.
        var held: LogLine?
    }

    private var windows: [Kind: Window] = [:]

    /// When ``ended(by:)`` has something to do; nil = never.
    var nextWindowEnd: Int64? {
        // From the last line that was let through: those that are held back wake nobody.
        windows.values.lazy.filter { $0.lines >= Self.burst }.map(\.end).min()
    }

    /// The line, if it may be written now.
    mutating func admit(_ line: LogLine, of plugin: String, now: Int64) -> LogLine? {
        var kind = Kind(plugin: plugin, event: line.event)
        if windows[kind] == nil, windows.count >= Self.maximumKinds {
            windows = windows.filter { $0.value.end > now || $0.value.held != nil }
            if windows.count >= Self.maximumKinds { kind = Kind(plugin: "", event: "") }
        }
        var window = windows[kind] ?? Window(end: now + Self.window)
        if window.end <= now, window.held == nil { window = Window(end: now + Self.window) }
        window.lines += 1
        defer { windows[kind] = window }
        guard window.lines > Self.burst else { return line }
        var held = line
        held.repeats = window.lines - Self.burst
        window.held = held
        return nil
    }

    /// The last line of each window that is over and held some back, with their number.
    mutating func ended(by now: Int64) -> [LogLine] {
        var lines: [LogLine] = []
        for (kind, window) in windows where window.end <= now {
            if let held = window.held { lines.append(held) }
            windows[kind] = nil
        }
        return lines.sorted { $0.event < $1.event }
    }
}
