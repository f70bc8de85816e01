import BrokerCore
import Configuration
import Glibc
import PluginABI
import PositionedYAML
import StoreFormat

/// The durable store of the broker: opened when the plugins run and before anybody is served, closed before they end.
extension BrokerService {
    /// Folder of the store, in `broker.data_dir`.
    static let storeFolder = "store"

    /// Opens the store that a plugin provides and brings back what is in it. Without such a plugin, and in a broker
    /// that keeps nothing, there is none.
    func openStore(_ loaded: LoadedConfiguration) throws(OperationError) -> Broker.Restored {
        guard let (offer, release) = plugins?.acquire(HL_STORE_SERVICE) else { return .init() }
        let configuration = loaded.configuration
        guard !configuration.isEphemeral, !configuration.broker.dataDirectory.isEmpty else {
            release()
            if !configuration.isEphemeral {
                log.write(.configWarning, .warn) {
                    [
                        .init("at", "broker.data_dir"),
                        .init("message", "is empty: plugin '\(offer.provider.id)' has no place to keep anything in"),
                    ]
                }
            }
            return .init()
        }
        let folder = configuration.broker.dataDirectory + "/" + Self.storeFolder
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            release()
            throw OperationError("make \(folder)")
        }
        let store: OpenStore
        do throws(OpenStore.Failure) {
            store = try OpenStore(
                offer.table, state: offer.state,
                OpenStore.Options(
                    folder: folder, sync: configuration.broker.store.sync.abiValue,
                    interval: configuration.broker.store.interval.nanoseconds),
                report: reporter, release: release)
        } catch {
            throw OperationError(refusing: "use the store in \(folder)", because: error.description)
        }
        storeEntry = configuration.plugins.first { $0.id == offer.provider.id }
        let loading = StoreLoading(store, folder: folder, broker, loops, log)
        self.loading = loading
        readiness.follow(store: { loading.condition })
        switch loading.outcome(within: Self.longestWait) {
        case .loaded(_, let restored): return restored
        case .failed(let reason):
            self.loading = nil
            throw OperationError(refusing: "read the store in \(folder)", because: reason)
        case nil: return .init()
        }
    }

    /// How long the ready line waits for a large store, ns. Clients are not answered before everything is read.
    private static let longestWait: Int64 = 1_500_000_000

    /// What a probe for readiness is told of the store. On the thread that starts and stops the broker.
    var storeReadiness: StoreReadiness { loading?.readiness ?? .absent }

    /// The plugin that keeps the store stays as it is until the next start: what is under way would be lost with it.
    func checkStore(_ loaded: LoadedConfiguration, renewing: Set<String>) throws(ConfigurationErrors) {
        guard loading != nil, let kept = storeEntry else { return }
        let entry = loaded.configuration.plugins.first { $0.id == kept.id && $0.isEnabled }
        guard entry?.definition != kept.definition || renewing.contains(kept.id) else { return }
        throw ConfigurationErrors([
            ConfigurationError(
                .conflict("plugin '\(kept.id)' keeps the broker's store: it changes with the next start"),
                at: entry?.position ?? kept.position)
        ])
    }

    /// Everything that was acknowledged is on the disk when this returns. The loops run.
    func closeStore() {
        guard let loading else { return }
        self.loading = nil
        guard case .loaded(let store, _) = loading.outcome(within: .max) else { return }
        // What the turns before this one had to say has been handed over.
        loops.whileResting(broker) { store.close() }
    }

    private var reporter: @Sendable (PluginLogLevel, String) -> Void {
        { [log] level, text in
            let level: Configuration.LogLevel = level == .error || level == .warn ? .warn : .info
            log.write(.storeReport, level) { [.init("message", text)] }
        }
    }
}

extension StoreSync {
    fileprivate var abiValue: UInt32 {
        switch self {
        case .always: HL_STORE_SYNC_ALWAYS
        case .interval: HL_STORE_SYNC_INTERVAL
        case .never: HL_STORE_SYNC_NEVER
        }
    }
}
