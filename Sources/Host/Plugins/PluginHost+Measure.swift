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
