public import BrokerCore
import PluginABI

/// What plugins cost, measured while somebody wants to know.
extension PluginHost {
    /// Measures every call of deciding hooks for so long (nanoseconds), then tells what came of it: one measure per
    /// instance and hook, all event loops together.
    public func measure(for length: Int64, then: @escaping @Sendable ([HookMeasure]) -> Void) {
        beginMeasuring()
        keeper.async(at: monotonicNow() &+ length) { [weak self] in
            guard let host = self else { return then([]) }
            host.endMeasuring { then(PluginHost.merged($0)) }
        }
    }

    /// Hooks are timed for so long in every period, while somebody collects metrics: all the time would cost what a
    /// hook costs.
    private static let sampleLength: Int64 = 100_000_000
    private static let samplePeriod: Int64 = 10_000_000_000
    /// Nobody has collected for so long: nobody does.
    private static let sampleEnd: Int64 = 120_000_000_000

    /// Somebody collects metrics.
    func sampleHooks() {
        let begins = state.withLock { state in
            defer { state.samplesWanted = monotonicNow() }
            return state.samplesWanted == nil
        }
        if begins { sampleOnce() }
    }

    private func sampleOnce() {
        let (goesOn, isMeasured) = state.withLock { state -> (Bool, Bool) in
            let wanted = state.samplesWanted ?? .min
            if wanted &+ Self.sampleEnd > monotonicNow() { return (true, state.measurers > 0) }
            state.samplesWanted = nil
            return (false, false)
        }
        guard goesOn else { return }
        keeper.async(at: monotonicNow() &+ Self.samplePeriod) { [weak self] in self?.sampleOnce() }
        // What somebody else has been measuring for longer would be counted again and again.
        guard !isMeasured else { return }
        measure(for: Self.sampleLength) { [weak self] measures in
            guard let host = self else { return }
            let names = host.state.read { $0.running }.map { ($0.instance.number, $0.instance.id) }
            host.context.environment.metrics.add(measures, named: Dictionary(names) { $1 })
        }
    }

    func beginMeasuring() {
        state.withLock { $0.measurers += 1 }
        context.environment.measure(true) { _ in }
    }

    func endMeasuring(_ then: @escaping @Sendable ([HookMeasure]) -> Void = { _ in }) {
        let isLast = state.withLock { state in
            state.measurers -= 1
            return state.measurers == 0
        }
        context.environment.measure(isLast ? false : nil, then)
    }

    /// What all event loops saw of one instance, of one generation of it.
    static func record(_ measures: [HookMeasure], of running: RunningPlugin) -> TrialRecord {
        let own = measures.filter {
            $0.instance == running.instance.number && $0.generation == running.instance.generation
        }
        let deciding = merged(own).filter { $0.hook < HL_HOOK_NOTIFY_CONNECTED }
        var record = TrialRecord(failures: running.hooks.failures)
        // A call that is deferred is seen twice: on the event loop, and on the worker.
        let onLoops = Set(deciding.filter { !$0.isOnWorkers }.map(\.hook))
        for measure in deciding where !measure.isOnWorkers || !onLoops.contains(measure.hook) {
            record.calls += measure.calls
        }
        let slowest = deciding.compactMap { $0.calls >= 100 ? $0.quantile(0.99) : nil }
        record.slowest = slowest.max()
        return record
    }

    static func merged(_ measures: [HookMeasure]) -> [HookMeasure] {
        var all: [HookMeasure] = []
        for measure in measures {
            let place = all.firstIndex {
                $0.instance == measure.instance && $0.hook == measure.hook && $0.generation == measure.generation
                    && $0.isOnWorkers == measure.isOnWorkers
            }
            if let place { all[place].add(measure) } else { all.append(measure) }
        }
        return all
    }
}
