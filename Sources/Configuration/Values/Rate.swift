/// So many events in so much time: `100/s`, `600/m`.
public struct Rate: Hashable, Sendable {
    /// Events allowed within `interval`; at least 1.
    public var count: Int
    /// One second, minute or hour.
    public var interval: Duration

    /// `count` events in `interval`.
    public init(count: Int, per interval: Duration) {
        self.count = count
        self.interval = interval
    }

    private static let units: [(name: String, interval: Duration)] = [
        ("s", .seconds(1)), ("m", .seconds(60)), ("h", .seconds(3_600)),
    ]

    /// A text such as `100/s`; nil for `unlimited`.
    public static func parse(_ text: String) throws(ValueProblem) -> Rate? {
        if text == "unlimited" { return nil }
        let (digits, rest) = splitNumber(text)
        guard let count = Int(digits), let unit = units.first(where: { "/" + $0.name == rest }) else {
            throw .notARate(text, suggestion: suggestion(digits: digits, rest: rest))
        }
        guard (1...1_000_000_000).contains(count) else {
            throw .outOfRange(text, low: "1/\(unit.name)", high: "1000000000/\(unit.name)")
        }
        return Rate(count: count, per: unit.interval)
    }

    /// The text that gives this rate again.
    public static func text(_ rate: Rate?) -> String {
        guard let rate else { return "unlimited" }
        return "\(rate.count)/\(units.first { $0.interval == rate.interval }?.name ?? "s")"
    }

    private static func suggestion(digits: String, rest: String) -> String? {
        guard !digits.isEmpty else { return nil }
        switch rest.trimmed.lowercased() {
        case "", "/sec", "/second", "per second", "/ s", "/1s": return digits + "/s"
        case "/min", "/minute", "per minute", "/1m": return digits + "/m"
        case "/hour", "per hour", "/1h": return digits + "/h"
        default: return nil
        }
    }
}
