import BrokerCore
import Locking
import PluginABI
import StoreFormat
import Synchronization

/// Between the shards and the store: rows become batches, answers find their way back to the loop that waits.
///
/// All batches are one sequence (one lane of store/1), in the order in which shards hand their tickets over. That order
/// is what makes hand-overs between shards exact: a message is recorded by the shard that accepted it before another
/// shard can record what it made of it.
///
/// When a batch fails, so does everything until the shards have handed over again what they lost: one batch with the
/// rows of all of them, because rows of one shard may be the consequence of rows of another.
final class StoreDriver: Sendable {
    /// How often a store that fails is tried again, ns.
    static let retryInterval: Int64 = 1_000_000_000

    private enum Mode {
        case working
        /// Nothing is taken until `retryAt`.
        case failing
        /// Shards hand over again what was lost; those in `missing` have not yet.
        case collecting(missing: Set<Int>)
        /// What was lost is on its way as one batch; what comes meanwhile waits.
        case resuming
        case closed
    }

    private struct State {
        var mode = Mode.working
        /// Batches without an answer.
        var underWay = 0
        /// What shards have handed over again, or after that; in this order.
        var held: [(batch: StoreBatch, part: PendingBatch.Part)] = []

        /// Whether a shard may hand something over now.
        func takes(_ shard: Int) -> Bool {
            switch mode {
            case .working, .resuming: true
            case .collecting(let missing): !missing.contains(shard)
            case .failing, .closed: false
            }
        }
    }

    /// What one loop shares with the driver.
    private struct Lane {
        /// Answers its shard has not had.
        var answers: [Answer] = []
        /// Messages that were read for it.
        var loads: [Load] = []
        /// Of messages under way.
        var lastOrder: UInt64
    }

    /// The store's answer to everything up to a ticket.
    struct Answer: Sendable {
        let ticket: UInt64
        let succeeded: Bool
    }

    /// Messages of a session's queue, in their order; nil: not there.
    struct Load: Sendable {
        let session: UInt64
        let messages: [(id: UInt64, message: StoredMessage?)]
    }

    private let times = Locked((durations: DurationCounts(), failures: UInt64(0)))
    private let store: OpenStore
    private let reader: StoreReader
    private let broker: Broker
    private let wake: @Sendable (Int) -> Void
    private let events: @Sendable (Event) -> Void
    private let state = Locked(State())
    private let lanes: [Locked<Lane>]
    /// What is retained and the batch that says so are one step: two shards may change one topic.
    private let retainedOrder = Locked(())
    /// Host clock ns; `Int64.max` = the store works.
    private let retryAt = Atomic<Int64>(.max)
    /// Status of the commit that failed; 0 = the store works.
    private let failureStatus = Atomic<UInt32>(0)

    /// Why what must be kept is refused; nil: it is not. Any thread.
    var failure: UInt32? {
        let status = failureStatus.load(ordering: .relaxed)
        return status == 0 ? nil : status
    }

    /// What a person should know.
    enum Event: Sendable {
        case failed(status: UInt32)
        case recovered
    }

    /// - Parameters:
    ///   - lastOrder: the greatest order of messages under way in the store.
    ///   - wake: makes a loop come round; any thread.
    ///   - events: any thread.
    init(
        _ store: OpenStore, _ broker: Broker, lastOrder: UInt64, wake: @escaping @Sendable (Int) -> Void,
        events: @escaping @Sendable (Event) -> Void
    ) {
        self.store = store
        self.broker = broker
        self.wake = wake
        self.events = events
        reader = StoreReader(store)
        lanes = broker.shards.map { _ in Locked(Lane(lastOrder: lastOrder)) }
    }

    // MARK: From the loops

    /// Rows of one ticket. On the loop of the shard.
    func persist(_ rows: [StoreRow], ticket: UInt64, shard: Int, now: Int64) {
        let part = PendingBatch.Part(shard: shard, ticket: ticket)
        guard state.withLock({ $0.takes(shard) }) else {
            answer([part], succeeded: false)
            return
        }
        if rows.contains(where: \.isRetained) {
            retainedOrder.withLock { _ in take(encode(rows, shard, now), part) }
        } else {
            take(encode(rows, shard, now), part)
        }
    }

    /// Says in a new store which format it is in; before anything else.
    func persistFormat() {
        var batch = StoreBatch(after: 0, clock: StoreClock(host: 0, wall: 0))
        batch.put(.format(version: UInt32(StoreFormat.version)))
        _ = state.withLock { state in submit([batch], [], resumes: false, &state) }
    }

    private func encode(_ rows: [StoreRow], _ shard: Int, _ now: Int64) -> StoreBatch {
        lanes[shard].withLock { lane in
            var batch = StoreBatch(after: lane.lastOrder, clock: StoreClock(host: now, wall: wallNow()))
            for row in rows {
                batch.append(row) { topic in
                    broker.retained(topic: topic, now: now).map { report in
                        (
                            StoredMessage(
                                topic: report.topic, properties: report.properties, payload: report.payload,
                                qos: report.qos, retain: true, expiresAt: report.expiresAt),
                            report.publisher
                        )
                    }
                }
            }
            lane.lastOrder = batch.lastOrder
            return batch
        }
    }

    private func take(_ batch: StoreBatch, _ part: PendingBatch.Part) {
        let isTaken = state.withLock { state -> Bool in
            guard state.takes(part.shard) else { return false }
            if case .working = state.mode { return submit([batch], [part], resumes: false, &state) }
            state.held.append((batch, part))
            return true
        }
        if !isTaken { answer([part], succeeded: false) }
    }

    /// Under the lock, so that the order of batches is that of the modes.
    private func submit(
        _ batches: [StoreBatch], _ parts: [PendingBatch.Part], resumes: Bool, _ state: inout State
    ) -> Bool {
        let began = monotonicNow()
        let pending = PendingBatch(batches, parts: parts) { [self] batch, status in
            times.withLock { times in
                if status == HL_OK {
                    times.durations.add(monotonicNow() - began)
                } else {
                    times.failures += 1
                }
            }
            answered(batch, status, resumes)
        }
        guard store.submit(pending, resumes: resumes) else { return false }
        state.underWay += 1
        return true
    }

    /// What the store has answered to a shard, oldest first. On the loop of the shard.
    func takeAnswers(of shard: Int) -> [Answer] {
        lanes[shard].withLock { lane in
            guard !lane.answers.isEmpty else { return [] }
            defer { lane.answers = [] }
            return lane.answers
        }
    }

    /// Reads messages for a session of a shard. On its loop.
    func load(_ ids: [UInt64], for session: UInt64, shard: Int) {
        reader.read(ids) { [self] messages in
            let isFirst = lanes[shard].withLock { lane -> Bool in
                defer { lane.loads.append(Load(session: session, messages: messages)) }
                return lane.loads.isEmpty
            }
            if isFirst { wake(shard) }
        }
    }

    /// What was read for a shard. On its loop.
    func takeLoads(of shard: Int) -> [Load] {
        lanes[shard].withLock { lane in
            guard !lane.loads.isEmpty else { return [] }
            defer { lane.loads = [] }
            return lane.loads
        }
    }

    /// When ``retry(_:now:handOver:)`` is to be called; nil: the store works.
    var nextRetry: Int64? {
        let time = retryAt.load(ordering: .relaxed)
        return time == .max ? nil : time
    }

    /// Lets a shard hand over again what was lost, once per failure. On its loop, after it has had its answers.
    /// - Parameter handOver: calls ``persist(_:ticket:shard:now:)`` with it, if there is any.
    func retry(_ shard: Int, now: Int64, handOver: () -> Void) {
        let mayRetry = state.withLock { state -> Bool in
            switch state.mode {
            case .failing:
                guard state.underWay == 0 else {
                    retryAt.store(now + Self.retryInterval / 20, ordering: .relaxed)
                    return false
                }
                state.mode = .collecting(missing: Set(lanes.indices).subtracting([shard]))
                return true
            case .collecting(var missing):
                guard missing.remove(shard) != nil else { return false }
                state.mode = .collecting(missing: missing)
                return true
            case .working, .resuming, .closed: return false
            }
        }
        guard mayRetry else { return }
        handOver()
        state.withLock { state in
            guard case .collecting(let missing) = state.mode else { return }
            guard missing.isEmpty else {
                for other in missing { wake(other) }
                return
            }
            retryAt.store(.max, ordering: .relaxed)
            let held = state.held
            state.held = []
            state.mode = .resuming
            if !submit(held.map(\.batch), held.map(\.part), resumes: true, &state) {
                fail(held.map(\.part), &state)
            }
        }
    }

    /// Ends it: what was handed over is answered and flushed. No loop runs a turn meanwhile or hands anything over
    /// afterwards.
    func close() {
        reader.stop()
        store.flush()
        state.withLock { $0.mode = .closed }
        store.close()
    }

    /// How long it took from handing a batch over until it was durable, and how many batches failed. [any thread]
    var commits: (durations: DurationCounts, failures: UInt64) { times.withLock { $0 } }

    // MARK: From the store

    /// On the store's thread.
    private func answered(_ batch: PendingBatch, _ status: hl_status, _ resumes: Bool) {
        let event = state.withLock { state -> Event? in
            state.underWay -= 1
            if status == HL_OK {
                answer(batch.parts, succeeded: true)
                guard resumes, case .resuming = state.mode else { return nil }
                goOn(&state)
                failureStatus.store(0, ordering: .relaxed)
                return .recovered
            }
            let wasWorking = if case .working = state.mode { true } else { false }
            fail(batch.parts, &state)
            if status != HL_CANCELLED { failureStatus.store(UInt32(status), ordering: .relaxed) }
            return wasWorking ? .failed(status: status) : nil
        }
        if let event { events(event) }
    }

    /// The store works again: shards learn it though they may have lost nothing.
    private func goOn(_ state: inout State) {
        state.mode = .working
        for shard in lanes.indices { answer([PendingBatch.Part(shard: shard, ticket: 0)], succeeded: true) }
        let held = state.held
        state.held = []
        for entry in held where !submit([entry.batch], [entry.part], resumes: false, &state) {
            fail([entry.part], &state)
        }
    }

    private func fail(_ parts: [PendingBatch.Part], _ state: inout State) {
        answer(parts + state.held.map(\.part), succeeded: false)
        state.held = []
        if case .closed = state.mode { return }
        state.mode = .failing
        retryAt.store(monotonicNow() + Self.retryInterval, ordering: .relaxed)
        for shard in lanes.indices { wake(shard) }
    }

    private func answer(_ parts: [PendingBatch.Part], succeeded: Bool) {
        for part in parts {
            let isFirst = lanes[part.shard].withLock { lane -> Bool in
                defer { lane.answers.append(Answer(ticket: part.ticket, succeeded: succeeded)) }
                return lane.answers.isEmpty
            }
            if isFirst { wake(part.shard) }
        }
    }
}

extension StoreRow {
    fileprivate var isRetained: Bool {
        switch self {
        case .retained, .retainedCleared: true
        default: false
        }
    }
}
