public import PluginABI

/// A hook call that goes on on a worker: `hl_defer`, and deciding hooks of plugins flagged HL_BLOCKING.
///
/// @unchecked Sendable: made on the event loop, then used by the one worker that runs it; what it shares with the
/// pending record is immutable or behind the lock of `PendingHooks`.
public final class DeferredCall: @unchecked Sendable {
    private let frame: HookCallFrame
    private let input: HeldInput
    private let instance: HookInstance
    private let compiled: CompiledHooks
    private let slot: HookSlot
    /// While the hooks are measured.
    private let meter: WorkerMeter?

    private init?(_ source: HookCallFrame) {
        guard let opening = source.opening, let pending = source.pending, source.pend() != 0 else { return nil }
        frame = HookCallFrame(pending: pending)
        input = opening.input
        compiled = opening.compiled
        slot = opening.slot
        instance = opening.slot.instance.takeUnretainedValue()
        meter = opening.compiled.meters?.countingWorkers
        frame.owner = instance.number
        let host = frame.call.pointee.host
        frame.call.pointee = source.call.pointee
        frame.call.pointee.host = host
        frame.call.pointee.flags = HL_CALL_DEFERRED
        frame.call.pointee.input = input.pointer
    }

    /// executor/1 `defer`: pends the call and runs the function on a worker. [hook]
    /// - Returns: HL_PENDING, or HL_ERROR when the call may not pend or the workers' queue is full.
    public static func start(_ function: hl_deferred_fn?, from call: UnsafeMutablePointer<hl_call>?) -> hl_verdict {
        guard let function, let source = HookCallFrame.of(call) else { return HL_ERROR }
        return start(from: source) { deferred in
            // Its verdict goes to the event loop by itself.
            _ = WorkerMeter.measuring(deferred.meter, deferred.slot, deferred.frame.call.pointee.hook) {
                function(deferred.instance.state, deferred.frame.call)
                return nil
            }
        }
    }

    /// Runs the hook itself on a worker and completes the call with its verdict.
    static func start(blocking function: @escaping HookFunction, from source: HookCallFrame) -> hl_verdict {
        start(from: source) { deferred in
            let verdict = WorkerMeter.measuring(deferred.meter, deferred.slot, deferred.frame.call.pointee.hook) {
                HookCalls.running(deferred.frame.call) {
                    function(deferred.instance.state, deferred.frame.call, deferred.input.pointer)
                }
            }
            // Pending once more: the plugin has kept the token and completes it itself.
            if let verdict, verdict != HL_PENDING { _ = deferred.frame.complete(verdict) }
        }
    }

    private static func start(
        from source: HookCallFrame, _ work: @escaping @Sendable (DeferredCall) -> Void
    ) -> hl_verdict {
        guard let deferred = DeferredCall(source) else { return HL_ERROR }
        let token = source.call.pointee.token
        if deferred.instance.submit({ work(deferred) }) { return HL_PENDING }
        source.pending?.withdraw(token)
        source.call.pointee.token = 0
        return HL_ERROR
    }
}
