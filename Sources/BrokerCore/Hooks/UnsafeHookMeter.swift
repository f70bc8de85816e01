import Glibc
import PluginABI

/// What one shard saw of one hook of one instance while it was measured.
public struct HookMeasure: Sendable {
    /// See `HookInstance.number`.
    public var instance: UInt64
    /// See `HookInstance.generation`.
    public var generation: UInt32
    /// `HL_HOOK_*`
    public var hook: UInt32
    /// Its calls ran on workers: hooks that block, deferred functions and notify hooks; else on the event loop.
    public var isOnWorkers = false
    /// Calls.
    public var calls: UInt64 = 0
    /// Calls that were answered HL_DENY.
    public var denied: UInt64 = 0
    /// Calls that were answered HL_ERROR.
    public var failed: UInt64 = 0
    /// Calls that are answered later.
    public var pended: UInt64 = 0
    /// Calls on an event loop that took longer than the hook's deadline, times the receivers of a batch.
    public var overruns: UInt64 = 0
    /// Nanoseconds in the plugin.
    public var nanoseconds: UInt64 = 0
    /// Calls by their time: those below 2^n nanoseconds and not below half of that are in place n.
    public var durations = [UInt64](repeating: 0, count: HookMeasure.places)

    static let places = 40

    /// - Parameter verdict: nil when there is none, or it is given elsewhere.
    mutating func note(_ verdict: hl_verdict?, took: Int64) {
        let took = UInt64(max(took, 0))
        calls += 1
        nanoseconds += took
        durations[min(UInt64.bitWidth - took.leadingZeroBitCount, HookMeasure.places - 1)] += 1
        switch verdict {
        case HL_DENY: denied += 1
        case HL_ERROR: failed += 1
        case HL_PENDING: pended += 1
        default: break
        }
    }

    /// What two shards saw of the same.
    public mutating func add(_ other: HookMeasure) {
        calls += other.calls
        denied += other.denied
        failed += other.failed
        pended += other.pended
        overruns += other.overruns
        nanoseconds += other.nanoseconds
        for place in durations.indices { durations[place] += other.durations[place] }
    }

    /// Nanoseconds that this share of the calls stays below, to a factor of two; nil without calls.
    public func quantile(_ share: Double) -> Int64? {
        guard calls > 0 else { return nil }
        var left = (Double(calls) * share).rounded(.up)
        for (place, count) in durations.enumerated() {
            left -= Double(count)
            if left <= 0 { return 1 << Int64(place) }
        }
        return 1 << Int64(HookMeasure.places)
    }
}

/// Stands before the function of a slot while its plugin is measured: nobody else pays for it.
struct HookMeter {
    let function: HookFunction
    let state: UnsafeMutableRawPointer?
    /// Nanoseconds that one call, or one receiver of a batch, may take.
    let allowance: Int64
    /// Kept alive by the table.
    let instance: Unmanaged<HookInstance>
    let name: String
    var measure: HookMeasure
    /// Where spans go, while messages are traced. Kept alive by the meters.
    var tracing: Unmanaged<ShardTracing>?

    /// The function that is called in the place of the plugin's, with the meter as its state.
    static let measuring: HookFunction = { meter, call, input in
        guard let meter = meter?.assumingMemoryBound(to: HookMeter.self) else { return HL_ERROR }
        let began = HookMeter.clock()
        let beganOnWall = meter.pointee.tracing?._withUnsafeGuaranteedRef { $0.time }
        let verdict = meter.pointee.function(meter.pointee.state, call, input)
        meter.pointee.note(verdict, took: HookMeter.clock() - began, of: input)
        if let beganOnWall, let call { meter.pointee.trace(call, verdict, from: beganOnWall) }
        return verdict
    }

    /// A span of the call, when it was about the message that is being traced.
    private func trace(_ call: UnsafeMutablePointer<hl_call>, _ verdict: hl_verdict, from began: Int64) {
        tracing?._withUnsafeGuaranteedRef { tracing in
            guard let trace = tracing.current,
                HookCalls.message(of: call.pointee)?.pointee.id == trace.messageID
            else { return }
            trace.add(
                .hook, HookTable.name(of: measure.hook), spanID: tracing.makeID(), from: began, to: tracing.time,
                [.init("hookline.plugin", name), .init("hookline.verdict", HookMeter.word(verdict))],
                hasFailed: verdict == HL_ERROR)
        }
    }

    private static func word(_ verdict: hl_verdict) -> String {
        switch verdict {
        case HL_ABSTAIN: "abstain"
        case HL_ALLOW: "allow"
        case HL_DENY: "deny"
        case HL_PENDING: "pending"
        case HL_REPLACE: "replace"
        case HL_DROP: "drop"
        default: "error"
        }
    }

    /// How many the call was about.
    private func receivers(of input: UnsafeRawPointer?) -> Int64 {
        guard let input, measure.hook == HL_HOOK_ACL_DELIVER || measure.hook == HL_HOOK_MSG_OUT else { return 1 }
        return Int64(input.assumingMemoryBound(to: hl_delivery.self).pointee.receiver_count)
    }

    private mutating func note(_ verdict: hl_verdict, took nanoseconds: Int64, of input: UnsafeRawPointer?) {
        if nanoseconds > allowance.multipliedReportingOverflow(by: receivers(of: input)).partialValue {
            measure.overruns += 1
            instance._withUnsafeGuaranteedRef { $0.countOverrun() }
        }
        measure.note(verdict, took: nanoseconds)
    }

    static func clock() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}

/// The meters of one table on one shard.
final class HookMeters {
    /// Calls are counted and timed for whoever asks; else the meters are there for the sake of spans.
    var isMeasuring = false
    private var meters: [UnsafeMutablePointer<HookMeter>] = []
    /// A call that waits goes on with the table it began with, also when tracing has ended since.
    private var tracing: ShardTracing?
    let workers = WorkerMeter()

    deinit { for meter in meters { meter.deinitialize(count: 1).deallocate() } }

    /// Puts a meter before a slot's function.
    func attach(_ slot: UnsafeMutablePointer<HookSlot>, hook: UInt32) {
        let meter = UnsafeMutablePointer<HookMeter>.allocate(capacity: 1)
        let (number, generation, name) = slot.pointee.instance._withUnsafeGuaranteedRef {
            ($0.number, $0.generation, $0.name)
        }
        meter.initialize(
            to: HookMeter(
                function: slot.pointee.function, state: slot.pointee.state, allowance: slot.pointee.allowance,
                instance: slot.pointee.instance, name: name,
                measure: HookMeasure(instance: number, generation: generation, hook: hook)))
        meters.append(meter)
        slot.pointee.function = HookMeter.measuring
        slot.pointee.state = UnsafeMutableRawPointer(meter)
    }

    /// Takes the meter away again.
    func detach(_ slot: UnsafeMutablePointer<HookSlot>) {
        let state = slot.pointee.state
        guard let meter = meters.first(where: { UnsafeMutableRawPointer($0) == state }) else { return }
        slot.pointee.function = meter.pointee.function
        slot.pointee.state = meter.pointee.state
    }

    var measures: [HookMeasure] { isMeasuring ? meters.map(\.pointee.measure) + workers.all : [] }
    /// Where work on other threads is counted, if it is.
    var countingWorkers: WorkerMeter? { isMeasuring ? workers : nil }

    /// Counts from 0 again.
    func reset() {
        workers.reset()
        for meter in meters {
            let old = meter.pointee.measure
            meter.pointee.measure = HookMeasure(
                instance: old.instance, generation: old.generation, hook: old.hook)
        }
    }

    /// Calls have spans from now on, or, with nil, no more.
    func setTracing(_ tracing: ShardTracing?) {
        self.tracing = tracing
        for meter in meters { meter.pointee.tracing = tracing.map { .passUnretained($0) } }
    }
}

extension CompiledHooks {
    /// Begins or ends measuring, and spans of calls. Between two calls.
    func setMeters(isMeasuring: Bool, tracing: ShardTracing?) {
        if isMeasuring || tracing != nil {
            let meters = self.meters ?? makeMeters()
            if isMeasuring, !meters.isMeasuring { meters.reset() }
            meters.isMeasuring = isMeasuring
            meters.setTracing(tracing)
        } else if let meters {
            eachSlot { slot, _ in meters.detach(slot) }
            self.meters = nil
        }
    }

    private func makeMeters() -> HookMeters {
        let meters = HookMeters()
        eachSlot { slot, hook in meters.attach(slot, hook: hook) }
        self.meters = meters
        return meters
    }

    private func eachSlot(_ body: (UnsafeMutablePointer<HookSlot>, UInt32) -> Void) {
        for hook in 0..<HL_HOOK_NOTIFY_CONNECTED {
            guard let slots = chain(hook).slots.baseAddress else { continue }
            // A worker calls the function with the instance's own state.
            for index in 0..<chain(hook).slots.count where !slots[index].blocks { body(slots + index, hook) }
        }
    }
}

extension HookDispatcher {
    /// Measures every call from now on, or ends that. A new table is not measured.
    public func setMeasuring(_ isMeasuring: Bool) {
        isMeasured = isMeasuring
        isSampled = false
        setMeters()
    }

    /// Calls about a message that is traced have spans from now on; nil: no more. A new table has none.
    func setTracing(_ tracing: ShardTracing?) {
        self.tracing = tracing
        setMeters()
    }

    private func setMeters() {
        compiled.setMeters(isMeasuring: isMeasured || isSampled, tracing: tracing)
        slotsChanged()
    }

    /// End of a turn. A deadline of a hook that cannot wait is a budget: it never changes a verdict, for one preemption
    /// must not drop a message, but whoever is over it is counted (`HookInstance.overruns`). The calls of one turn in
    /// a tenth of a second are looked at.
    @inline(__always)
    func sampleBudgets(now: Int64) {
        if hasTable, now >= nextSample { changeSampling(now: now) }
    }

    @inline(never)
    private func changeSampling(now: Int64) {
        guard !isMeasured else { return }
        isSampled.toggle()
        // The turn that begins now, and then none until the next sample.
        nextSample = isSampled ? now : now &+ 100_000_000
        setMeters()
    }

    /// What was measured since measuring began; empty when it did not.
    public var measures: [HookMeasure] { compiled.meters?.measures ?? [] }
}

extension Shard {
    /// See ``HookDispatcher/setMeasuring(_:)``.
    public func setMeasuring(_ isMeasuring: Bool) { hooks.setMeasuring(isMeasuring) }

    /// See ``HookDispatcher/measures``.
    public var hookMeasures: [HookMeasure] { hooks.measures }
}
