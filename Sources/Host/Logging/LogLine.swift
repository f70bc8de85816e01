import Configuration

/// One value of a log line, kept raw: a loop hands over bytes and numbers, the writer's thread makes text of them.
public enum LogValue: Sendable, Equatable {
    /// Text of the broker's own making or from a file.
    case text(String)
    /// Text from outside, UTF-8 as a rule; whatever could break a line is escaped.
    case bytes([UInt8])
    case number(Int)
    case flag(Bool)
    /// An MQTT reason code: `0x8D` in text, 141 in JSON.
    case code(UInt8)
    /// A length of time in nanoseconds: milliseconds under ten seconds, else whole seconds.
    case duration(Int64)
}

/// A key and its value. Keys are lower_snake_case and the same in text and JSON.
public struct LogField: Sendable, Equatable {
    /// The key.
    public let key: String
    /// What stands behind it.
    public let value: LogValue

    /// `key=value`
    public init(_ key: String, _ value: LogValue) {
        self.key = key
        self.value = value
    }

    /// `key=text`
    public init(_ key: String, _ text: String) { self.init(key, .text(text)) }
    /// `key=number`
    public init(_ key: String, _ number: Int) { self.init(key, .number(number)) }
    /// `key=true` or `key=false`
    public init(_ key: String, _ flag: Bool) { self.init(key, .flag(flag)) }
}

/// One line before it is written.
struct LogLine: Sendable, Equatable {
    /// Wall clock, nanoseconds since 1970.
    var time: Int64
    var level: LogLevel
    /// Raw value of a ``LogEvent``, or the checked name of a plugin's own event.
    var event: String
    var fields: [LogField]
    /// How many more lines of this kind the window held; 0 = this line stands for itself.
    var repeats = 0
}

extension LogLine {
    init(time: Int64, level: LogLevel, event: LogEvent, fields: [LogField], repeats: Int = 0) {
        self.init(time: time, level: level, event: event.rawValue, fields: fields, repeats: repeats)
    }
}
