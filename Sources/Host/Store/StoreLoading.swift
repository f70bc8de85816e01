import BrokerCore
import Configuration
import Glibc
import PluginABI
import StoreFormat
import Synchronization

/// What the store can do at the moment.
enum StoreReadiness: Sendable, Equatable {
    /// Nothing is kept: there is no store.
    case absent
    /// Clients wait until everything is read; so many records are.
    case reading(records: Int)
    case open
    /// What must be kept is refused, for the reason named; the rest goes on.
    case failing(String)
    /// The broker stops: a sentence.
    case unreadable(String)
}

/// A store on its way back into the broker. The loops rest meanwhile: who connects is answered when all is there.
///
/// On a thread of its own, so that the start can go on when it takes long.
final class StoreLoading: Sendable {
    /// What came of it.
    enum Outcome: Sendable {
        case loaded(StoreDriver, Broker.Restored)
        /// A sentence.
        case failed(String)
    }

    private let result = Monitor<Outcome?>(nil)
    private let progress = Progress()

    /// How far the reading is. Any thread.
    private final class Progress: Sendable {
        let records = Atomic<Int>(0)
    }

    /// Begins. The loops run; `store` belongs to this and to the driver it makes.
    init(_ store: OpenStore, folder: String, _ broker: Broker, _ loops: LoopGroup, _ log: Log) {
        let rest = loops.rest
        let attach = loops.attaching
        let wake = loops.wake
        let progress = progress
        let load: @Sendable () -> Outcome = {
            rest(broker) {
                do throws(OpenStore.Failure) {
                    return try Self.load(store, folder: folder, broker, attach, wake, log, progress)
                } catch {
                    store.close()
                    return .failed(error.description)
                }
            }
        }
        let result = result
        let thread = HostThread.start("hl-store-load") {
            let outcome = load()
            result.withLock { $0 = outcome }
            guard case .failed(let reason) = outcome else { return }
            log.write(.brokerFailed, .error) { [.init("reason", "the store in \(folder): \(reason)")] }
            // Whoever waits for the outcome ends the start; later the broker stops as if it had been asked to.
            kill(getpid(), SIGTERM)
        }
        if let thread {
            pthread_detach(thread)
        } else {
            result.withLock { $0 = load() }
        }
    }

    /// Waits for the end, at most `time` ns; nil: it is not over.
    func outcome(within time: Int64) -> Outcome? {
        let (end, isOver) = monotonicNow().addingReportingOverflow(time)
        return result.wait { outcome, deadline -> Outcome?? in
            if let outcome { return .some(outcome) }
            guard !isOver else { return nil }
            if monotonicNow() >= end { return .some(nil) }
            deadline = end
            return nil
        }
    }

    /// How it stands. [any thread]
    var condition: Readiness.Condition {
        switch readiness {
        case .absent, .open: .ok
        case .reading(let records): .coming("reading, \(records) records so far")
        case .failing(let reason): .impaired(reason)
        case .unreadable(let reason): .failed(reason)
        }
    }

    /// What a probe for readiness is told. Any thread.
    var readiness: StoreReadiness {
        switch result.read({ $0 }) {
        case nil: .reading(records: progress.records.load(ordering: .relaxed))
        case .failed(let reason): .unreadable(reason)
        case .loaded(let driver, _): driver.failure.map { StoreReadiness.failing(Self.reason($0)) } ?? .open
        }
    }

    /// Records between two lines of the log.
    private static let recordsPerLine = 100_000

    private static func load(
        _ store: OpenStore, folder: String, _ broker: Broker, _ attach: (StoreDriver) -> Void,
        _ wake: @escaping @Sendable (Int) -> Void, _ log: Log, _ progress: Progress
    ) throws(OpenStore.Failure) -> Outcome {
        let begun = monotonicNow()
        let reading = try StoreReading(store, clock: StoreClock(host: begun, wall: wallNow())) { count in
            progress.records.store(count, ordering: .relaxed)
            if count % Self.recordsPerLine == 0 { log.write(.storeReading) { [.init("records", count)] } }
        }
        for problem in reading.state.problems { log.write(.storeDamaged, .warn) { [.init("problem", problem)] } }
        let driver = StoreDriver(
            store, broker, lastOrder: reading.lastOrder, wake: wake,
            events: { event in
                switch event {
                case .failed(let status):
                    log.write(.storeFailed, .warn) {
                        [.init("reason", reason(status)), .init("effect", "what must be kept is refused")]
                    }
                case .recovered: log.write(.storeRecovered) { [] }
                }
            })
        if reading.isNew { driver.persistFormat() }
        attach(driver)
        broker.enableStore()
        let restored = broker.restore(reading.state, now: monotonicNow())
        broker.storeRestored()
        log.write(.storeOpened) {
            [
                .init("folder", folder), .init("sessions", restored.sessions), .init("messages", restored.messages),
                .init("retained", restored.retained), .init("took", .duration(monotonicNow() - begun)),
            ]
        }
        return .loaded(driver, restored)
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
