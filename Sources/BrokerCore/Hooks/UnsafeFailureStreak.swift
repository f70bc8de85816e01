// HOT PATH: one comparison for each call of the long way; all else runs only where something fails.
import PluginABI

/// When a hook that does nothing but fail is given up.
public struct HookBreaker: Sendable, Equatable {
    /// Failures in a row on one event loop after which ``HookInstance`` is told (`turned`); 0: never.
    public var limit: UInt32 = 0
    /// It was given up before: one failure is enough, and the first good answer is told as well.
    public var isOnProbation = false

    /// - Parameters: see the properties.
    public init(limit: UInt32 = 0, isOnProbation: Bool = false) {
        self.limit = limit
        self.isOnProbation = isOnProbation
    }
}

/// What has become of a hook.
public enum HookTurn: Sendable, Equatable {
    /// So many calls in a row have failed: errors, missed deadlines, impossible verdicts.
    case fails(UInt32)
    /// It was given up before, and has given an answer that counts.
    case works
}

extension HookSlot {
    /// In `streak`: the hook was given up before.
    static let probation: UInt32 = 1 << 31
}

/// Failures in a row, counted by each event loop for itself. A hook that works pays one comparison for it on the long
/// way, and nothing on the short one: that is closed while a row lasts, so that no good answer goes unseen.
extension HookDispatcher {
    /// A call has failed: its failure verdict holds.
    @inline(never)
    func countFailure(_ slot: HookSlot, _ hook: UInt32) {
        let instance = slot.instance.takeUnretainedValue()
        instance.countFailure(of: hook, isLate: isLate)
        guard slot.failureLimit > 0, slot.streak.pointee != .max else { return }
        if slot.streak.pointee == 0 { fast.pointee.hold(hook) }
        slot.streak.pointee += 1
        let failures = slot.streak.pointee & ~HookSlot.probation
        let isOnProbation = failures != slot.streak.pointee
        if failures == (isOnProbation ? 1 : slot.failureLimit) { instance.turned(hook, .fails(failures)) }
    }

    /// A call that began with a row of failures has ended; when it added nothing to it, the row is over.
    @inline(__always)
    func noteAnswer(_ slot: HookSlot, _ hook: UInt32, failuresBefore: UInt32) {
        if failuresBefore != 0, slot.streak.pointee == failuresBefore { endStreak(slot, hook) }
    }

    @inline(never)
    private func endStreak(_ slot: HookSlot, _ hook: UInt32) {
        let wasOnProbation = slot.streak.pointee & HookSlot.probation != 0
        slot.streak.pointee = 0
        if compiled.chain(hook).slots.allSatisfy({ $0.streak.pointee == 0 }) { fast.pointee.letGo(hook) }
        if wasOnProbation { slot.instance.takeUnretainedValue().turned(hook, .works) }
    }
}
