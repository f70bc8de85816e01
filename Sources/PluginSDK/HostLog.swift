internal import PluginABI

/// How much a line of the log matters.
public enum LogLevel: UInt32, Sendable {
    /// Something asked for did not happen.
    case error = 1
    /// Somebody should look.
    case warning = 2
    case info = 3
    case debug = 4
    case trace = 5
}

extension PluginHost {
    /// Whether lines of this level are written at all.
    public func logs(_ level: LogLevel) -> Bool {
        raw.pointee.log?.pointee.enabled?(raw, level.rawValue) ?? 0 != 0
    }

    /// Writes a line of the log.
    /// - Parameters:
    ///   - event: one word with dots, for machines: "geo.lookup_failed".
    ///   - message: a sentence for people; made only when the level is on.
    ///   - fields: keys and values; no secrets.
    public func log(
        _ level: LogLevel, _ event: String, _ message: @autoclosure () -> String = "",
        _ fields: @autoclosure () -> KeyValuePairs<String, String> = [:]
    ) {
        guard logs(level), let write = raw.pointee.log?.pointee.write else { return }
        let fields = fields()
        withViews(fields.flatMap { [$0.key, $0.value] }) { texts in
            let fields = (0..<fields.count).map { hl_field(key: texts[2 * $0], value: texts[2 * $0 + 1]) }
            withView(event) { event in
                withView(message()) { message in
                    fields.withUnsafeBufferPointer {
                        write(raw, level.rawValue, event, message, $0.baseAddress, UInt32($0.count))
                    }
                }
            }
        }
    }
}
