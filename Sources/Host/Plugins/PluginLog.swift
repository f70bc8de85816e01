/// Severity of a log line; raw values are those of `HL_LOG_ERROR` and its neighbours.
public enum PluginLogLevel: UInt32, Sendable, Comparable {
    case error = 1
    case warn = 2
    case info = 3
    case debug = 4
    case trace = 5

    /// From the most to the least important.
    public static func < (left: PluginLogLevel, right: PluginLogLevel) -> Bool { left.rawValue < right.rawValue }
}

/// One log line of a plugin, or of the loader about one.
public struct PluginLogLine: Sendable {
    /// Severity.
    public var level: PluginLogLevel
    /// Id of the instance in plugins.yaml.
    public var instance: String
    /// One word with dots, for machines: `plugin.started`.
    public var event: String
    /// For people; may be empty.
    public var message: String
    /// Keys and values, in order.
    public var fields: [(key: String, value: String)]
}

/// Where plugins and their loader log to. Both closures may be called on any thread.
public struct PluginLog: Sendable {
    /// Whether lines of this level are written at all.
    public var isEnabled: @Sendable (PluginLogLevel) -> Bool
    /// The same for the lines of one instance, where those may have a level of their own; nil: they have none.
    public var isEnabledFor: (@Sendable (PluginLogLevel, _ event: String, _ instance: String) -> Bool)?
    /// Writes a line.
    public var write: @Sendable (PluginLogLine) -> Void
    /// The process is about to end: returns when every line is written, after a second at the latest.
    public var close: @Sendable () -> Void = {}

    /// A log made of its functions.
    public init(
        isEnabled: @escaping @Sendable (PluginLogLevel) -> Bool, write: @escaping @Sendable (PluginLogLine) -> Void
    ) {
        self.isEnabled = isEnabled
        self.write = write
    }

    /// Whether an instance's line of this level is written; without an event, of any.
    func isOn(_ level: PluginLogLevel, of instance: String, _ event: String = "plugin.message") -> Bool {
        isEnabledFor?(level, event, instance) ?? isEnabled(level)
    }

    func callAsFunction(
        _ level: PluginLogLevel, _ instance: String, _ event: String, _ message: String = "",
        _ fields: [(key: String, value: String)] = []
    ) {
        guard isOn(level, of: instance, event) else { return }
        write(PluginLogLine(level: level, instance: instance, event: event, message: message, fields: fields))
    }
}
