import Locking
import PluginABI

/// What workers did for one table of one shard. [any thread]
final class WorkerMeter: Sendable {
    private let measures = Locked<[HookMeasure]>([])

    /// Runs one call, and notes it where somebody measures.
    static func measuring(
        _ meter: WorkerMeter?, _ slot: HookSlot, _ hook: UInt32, _ body: () -> hl_verdict?
    ) -> hl_verdict? {
        guard let meter else { return body() }
        let began = HookMeter.clock()
        let verdict = body()
        meter.note(slot, hook, verdict, took: HookMeter.clock() - began)
        return verdict
    }

    private func note(_ slot: HookSlot, _ hook: UInt32, _ verdict: hl_verdict?, took: Int64) {
        let (number, generation) = slot.instance._withUnsafeGuaranteedRef { ($0.number, $0.generation) }
        measures.withLock { measures in
            let known = measures.firstIndex { $0.instance == number && $0.hook == hook }
            let place = known ?? measures.count
            if known == nil {
                measures.append(HookMeasure(instance: number, generation: generation, hook: hook, isOnWorkers: true))
            }
            measures[place].note(verdict, took: took)
        }
    }

    /// Counts from 0 again.
    func reset() { measures.withLock { $0 = [] } }

    var all: [HookMeasure] { measures.withLock { $0 } }
}
