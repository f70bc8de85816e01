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
        let begun = monotonicNow()
        do throws(OpenStore.Failure) {
            let options = OpenStore.Options(
                folder: folder, sync: configuration.broker.store.sync.abiValue,
                interval: configuration.broker.store.interval.nanoseconds)
            let store = try OpenStore(
                offer.table, state: offer.state, options, report: reporter, release: release)
            do throws(OpenStore.Failure) {
                return try restore(store, folder: folder, begun: begun)
            } catch {
                store.close()
                throw error
            }
        } catch {
            throw OperationError(refusing: "use the store in \(folder)", because: error.description)
        }
    }

    private func restore(
        _ store: OpenStore, folder: String, begun: Int64
    ) throws(OpenStore.Failure) -> Broker.Restored {
        let log = log
        let reading = try StoreReading(store, clock: StoreClock(host: monotonicNow(), wall: wallNow())) { count in
            log.write(.storeReading) { [.init("records", count)] }
        }
        for problem in reading.state.problems { log.write(.storeDamaged, .warn) { [.init("problem", problem)] } }
        let driver = StoreDriver(
            store, broker, lastOrder: reading.lastOrder, wake: loops.wake,
            events: { event in
                switch event {
                case .failed(let status):
                    log.write(.storeFailed, .warn) {
                        [.init("reason", Self.reason(status)), .init("effect", "what must be kept is refused")]
                    }
                case .recovered: log.write(.storeRecovered) { [] }
                }
            })
        if reading.isNew { driver.persistFormat() }
        let restored = loops.whileResting(broker) {
            loops.attach(driver)
            broker.enableStore()
            let restored = broker.restore(reading.state, now: monotonicNow())
            broker.storeRestored()
            return restored
        }
        self.store = driver
        log.write(.storeOpened) {
            [
                .init("folder", folder), .init("sessions", restored.sessions), .init("messages", restored.messages),
                .init("retained", restored.retained), .init("took", .duration(monotonicNow() - begun)),
            ]
        }
        return restored
    }

    /// Everything that was acknowledged is on the disk when this returns. The loops run.
    func closeStore() {
        guard let store else { return }
        self.store = nil
        // What the turns before this one had to say has been handed over.
        loops.whileResting(broker) { store.close() }
    }

    private var reporter: @Sendable (PluginLogLevel, String) -> Void {
        { [log] level, text in
            let level: Configuration.LogLevel = level == .error || level == .warn ? .warn : .info
            log.write(.storeReport, level) { [.init("message", text)] }
        }
    }

    private static func reason(_ status: hl_status) -> String {
        switch status {
        case HL_NO_SPACE: "the disk is full"
        case HL_IO_ERROR: "the disk failed"
        case HL_DAMAGED: "what is stored contradicts itself"
        default: "status \(status)"
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
