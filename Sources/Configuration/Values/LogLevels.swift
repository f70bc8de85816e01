/// Which lines of the log are written: one level for everything, and others for single parts.
///
/// A part is the first word of an event (`client` of `client.connected`), or `plugin.NAME` for what the plugin NAME of
/// plugins.yaml says and what is said about it; `plugin` is all of them.
public struct LogLevels: Hashable, Sendable {
    /// For parts that have none of their own.
    public var general: LogLevel
    /// By part.
    public var parts: [String: LogLevel]

    /// Levels as given.
    public init(general: LogLevel = .info, parts: [String: LogLevel] = [:]) {
        self.general = general
        self.parts = parts
    }

    /// The most talkative of all: a line above it is written for nobody.
    public var loudest: LogLevel { parts.values.reduce(general, max) }

    /// The level of what is said under a name such as `client.connected`.
    /// - Parameter plugin: id of the plugin that says it or that it is about; empty: none.
    public func level(of event: String, plugin: String = "") -> LogLevel {
        if !plugin.isEmpty { return parts["plugin.\(plugin)"] ?? parts["plugin"] ?? general }
        return parts[String(event.prefix { $0 != "." })] ?? general
    }

    /// First words of the broker's own events.
    public static let ownParts = [
        "authz", "broker", "client", "config", "control", "listener", "log", "memory", "message", "plugin", "session",
        "store", "tls",
    ]

    /// Whether a name is one that lines can be of.
    public static func isPart(_ name: String) -> Bool {
        if ownParts.contains(name) { return true }
        let id = name.dropFirst("plugin.".count)
        return name.hasPrefix("plugin.") && (1...64).contains(id.utf8.count)
            && id.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    /// The parts as they are written in plugins.yaml, in the order of their names.
    public var partsText: String {
        "{" + parts.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.rawValue)" }.joined(separator: ", ") + "}"
    }
}
