import Configuration

/// The one table of events: what each line of the log says, and under which keys. Rules and web hooks use the same
/// names and keys. docs/logging.md shows it, and tests compare; a debug build stops at a line that is not in it.
///
/// A key, once released, keeps its meaning. New ones may be added: whoever reads JSON skips what is unknown.
struct EventRow: Sendable, Equatable {
    /// With which levels it is written.
    var levels: [LogLevel]
    /// Its keys, in their order; a line leaves out those that would be empty.
    var keys: [String]
    /// Clients can cause it at will: repeats are counted.
    var isLimited = false

    fileprivate init(_ levels: LogLevel..., keys: String = "", isLimited: Bool = false) {
        self.levels = levels
        self.keys = keys.split(separator: " ").map(String.init)
        self.isLimited = isLimited
    }
}

extension LogEvent {
    /// Its row of the table.
    var row: EventRow {
        switch self {
        case .brokerStarting, .brokerReady, .brokerDraining, .brokerStopped, .brokerFailed, .memoryShort, .memoryEnough,
            .storeOpened, .storeReading, .storeDamaged, .storeFailed, .storeRecovered, .storeReport, .configReloaded,
            .configReloadRefused, .configNeedsRestart, .configWarning, .controlRefused, .logDropped, .logLevels:
            processRow
        case .listenerOpened, .listenerClosed, .listenerFailed, .tlsReloaded, .tlsReloadRefused, .handshakeFailed,
            .clientConnected, .clientRefused, .clientDisconnected, .clientTolerated, .clientSubscribed,
            .clientUnsubscribed, .sessionEnded, .publishDenied, .subscribeDenied, .messageDropped:
            clientRow
        case .pluginStarted, .pluginReloaded, .pluginReloadRefused, .pluginTrialPassed, .pluginRolledBack,
            .pluginUntrusted, .pluginHang, .pluginHangStuck, .pluginHangOver, .pluginHangAbort, .pluginCrashed,
            .pluginQuarantined, .pluginBreakerOpen, .pluginBreakerClosed, .pluginLimit, .pluginLeak,
            .pluginReconfigured, .pluginColdStart, .pluginStopped, .pluginStuck, .pluginHealth, .pluginHookNotOffered,
            .pluginPublishLoop, .pluginNoNote, .pluginOverBudget, .pluginAwaited, .pluginStore, .pluginWrongThread,
            .pluginMessage:
            pluginRow
        }
    }

    private var processRow: EventRow {
        switch self {
        case .brokerStarting: EventRow(.info, keys: "version config pid")
        case .brokerReady: EventRow(.info, keys: "took listeners plugins config sessions")
        case .brokerDraining: EventRow(.info, keys: "by connections limit")
        case .brokerStopped: EventRow(.info, keys: "took cut")
        case .brokerFailed: EventRow(.error, keys: "reason")
        case .memoryShort: EventRow(.warn, keys: "used limit")
        case .memoryEnough: EventRow(.info, keys: "used limit")
        case .storeOpened: EventRow(.info, keys: "folder sessions messages retained took")
        case .storeReading: EventRow(.info, keys: "records")
        case .storeDamaged: EventRow(.warn, keys: "problem")
        case .storeFailed: EventRow(.warn, keys: "reason effect")
        case .storeRecovered: EventRow(.info)
        case .storeReport: EventRow(.warn, .info, keys: "message")
        case .configReloaded: EventRow(.info, keys: "changed")
        case .configReloadRefused: EventRow(.error, keys: "at reason")
        case .configNeedsRestart: EventRow(.warn, keys: "setting running file")
        case .configWarning: EventRow(.warn, keys: "at message")
        case .controlRefused: EventRow(.warn, keys: "uid pid", isLimited: true)
        case .logLevels: EventRow(.info, keys: "level levels")
        default: EventRow(.warn, keys: "lines")
        }
    }

    private var clientRow: EventRow {
        switch self {
        case .listenerOpened: EventRow(.info, keys: "listener url")
        case .listenerClosed, .tlsReloaded: EventRow(.info, keys: "listener")
        case .listenerFailed, .handshakeFailed: EventRow(.warn, keys: "listener addr reason", isLimited: true)
        case .tlsReloadRefused: EventRow(.error, keys: "listener kept reason")
        case .clientConnected:
            EventRow(.info, keys: "client user addr listener proto clean present keepalive")
        case .clientRefused:
            EventRow(.warn, keys: "client user addr listener reason detail code rule", isLimited: true)
        case .clientDisconnected:
            EventRow(.info, keys: "client user reason detail code by will queued online")
        case .clientTolerated: EventRow(.warn, keys: "client user addr listener fault detail", isLimited: true)
        case .clientSubscribed: EventRow(.debug, keys: "client user filter qos")
        case .clientUnsubscribed: EventRow(.debug, keys: "client user filter")
        case .sessionEnded: EventRow(.info, keys: "client expired")
        case .publishDenied: EventRow(.warn, keys: "client user topic qos rule answer", isLimited: true)
        case .subscribeDenied: EventRow(.warn, keys: "client user filter rule answer", isLimited: true)
        default: EventRow(.warn, keys: "client topic reason", isLimited: true)
        }
    }

    private var pluginRow: EventRow {
        switch self {
        case .pluginStarted: EventRow(.info, keys: "plugin kind version generation file")
        case .pluginReloaded: EventRow(.info, keys: "plugin generation replaced file")
        case .pluginReloadRefused: EventRow(.error, keys: "plugin kept generation reason file")
        case .pluginTrialPassed: EventRow(.info, keys: "plugin generation")
        case .pluginRolledBack: EventRow(.error, keys: "plugin from to reason file")
        case .pluginHang: EventRow(.warn, keys: "plugin in generation took holds stack")
        case .pluginHangStuck, .pluginHangAbort: EventRow(.error, keys: "plugin in generation took holds")
        case .pluginHangOver: EventRow(.warn, keys: "plugin in generation took holds")
        case .pluginCrashed: EventRow(.error, keys: "plugin message sha256")
        case .pluginBreakerOpen: EventRow(.warn, keys: "plugin hook failures")
        case .pluginBreakerClosed: EventRow(.info, keys: "plugin hook")
        case .pluginOverBudget: EventRow(.warn, keys: "plugin message calls")
        case .pluginAwaited: EventRow(.info, keys: "plugin message")
        case .pluginReconfigured: EventRow(.info, keys: "plugin")
        case .pluginStopped: EventRow(.info, keys: "plugin generation")
        case .pluginHealth: EventRow(.warn, .info, keys: "plugin message")
        case .pluginNoNote: EventRow(.debug, keys: "plugin message")
        case .pluginQuarantined, .pluginLimit, .pluginStuck, .pluginStore, .pluginWrongThread:
            EventRow(.error, keys: "plugin message")
        case .pluginMessage: EventRow(.error, .warn, .info, .debug, .trace, keys: "plugin message")
        default: EventRow(.warn, keys: "plugin message")
        }
    }

    /// Whether a line is as its row says: a level and keys of it, each key once, in their order.
    func allows(_ level: LogLevel, _ fields: [LogField]) -> Bool {
        let row = row
        guard row.levels.contains(level) else { return false }
        var rest = row.keys[...]
        return fields.allSatisfy { field in
            guard let place = rest.firstIndex(of: field.key) else { return false }
            rest = rest[(place + 1)...]
            return true
        }
    }
}
