/// Durations as people write them: `500ms`, `10s`, `5m`, `2h`, `7d`. A number needs its unit; only `0` does not.
public enum DurationText {
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1),
    ]

    /// The duration of a text such as `10s`.
    public static func parse(_ text: String) throws(ValueProblem) -> Duration {
        if text == "0" { return .zero }
        let (digits, unit) = splitNumber(text)
        guard let number = Int64(digits), let factor = units.first(where: { $0.name == unit })?.milliseconds
        else { throw .notADuration(text, suggestion: suggestion(for: text)) }
        let (milliseconds, overflow) = number.multipliedReportingOverflow(by: factor)
        // Kept far from the edge, so that nanoseconds in an Int64 can always hold it.
        guard !overflow, milliseconds <= 36_500 * 86_400_000 else {
            throw .outOfRange(text, low: "0s", high: "36500d")
        }
        return .milliseconds(milliseconds)
    }

    /// The shortest exact text, down to milliseconds: `7d`, `90s`, `0s`.
    public static func text(_ duration: Duration) -> String {
        let milliseconds = duration.wholeMilliseconds
        if milliseconds == 0 { return "0s" }
        for unit in units where milliseconds % unit.milliseconds == 0 {
            return "\(milliseconds / unit.milliseconds)\(unit.name)"
        }
        return "\(milliseconds)ms"
    }

    private static func suggestion(for text: String) -> String? {
        let (digits, rest) = splitNumber(text)
        guard let number = Int64(digits) else { return nil }
        switch rest.trimmed.lowercased() {
        case "": return "\(digits)s if seconds are meant (units: ms, s, m, h, d)"
        case "msec", "msecs", "millisecond", "milliseconds", "ms": return digits + "ms"
        case "sec", "secs", "second", "seconds", "s": return digits + "s"
        case "min", "mins", "minute", "minutes", "m": return digits + "m"
        case "hour", "hours", "hr", "hrs", "h": return digits + "h"
        case "day", "days", "d": return digits + "d"
        case "w", "week", "weeks": return number < 5_000 ? "\(number * 7)d" : nil
        default: return nil
        }
    }
}

extension Duration {
    /// Milliseconds, rounded down; clamped to Int64.
    public var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (milliseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
        return overflow ? (seconds < 0 ? .min : .max) : milliseconds &+ attoseconds / 1_000_000_000_000_000
    }

    /// Seconds, rounded down.
    public var wholeSeconds: Int64 { components.seconds }
}
