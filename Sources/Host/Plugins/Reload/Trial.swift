/// A generation that has just taken over, and the one it took over from, which is kept warm: it is started, but nobody
/// calls it and its timers stand still.
struct Trial: Sendable {
    let old: RunningPlugin
    let new: RunningPlugin
    /// Monotonic nanoseconds.
    let ends: Int64
    /// What the old generation had done when it was replaced.
    let baseline: TrialRecord
}

/// What is known about a generation's conduct.
struct TrialRecord: Sendable, Equatable {
    /// Calls of deciding hooks; 0: not known.
    var calls: UInt64 = 0
    /// Calls that ended in an error, a missed deadline or a verdict the hook does not have.
    var failures: UInt64 = 0
    /// Nanoseconds that 99 of 100 sampled calls stay below; nil: too few samples.
    var slowest: Int64?
    /// A hook of it did not return in time.
    var isStuck = false
}

/// Decides whether a generation on trial is worse than the one before it. Pure. What it denies is never a reason: a
/// stricter rule must not undo itself.
enum TrialJudge {
    private static let toleratedFailures: UInt64 = 5
    /// Slower than this many times the old one, and than `slowestAllowed`, is a breach.
    private static let slowdown: Int64 = 10
    private static let slowestAllowed: Int64 = 1_000_000

    /// Why the old generation has to come back; nil: it need not.
    static func breach(of new: TrialRecord, against old: TrialRecord) -> String? {
        if new.isStuck { return "a call of it does not return" }
        if new.failures >= toleratedFailures {
            // A hundredth more than before is not worth the way back.
            let before = old.calls == 0 ? 0 : Double(old.failures) / Double(old.calls)
            let now = Double(new.failures) / Double(max(new.calls, new.failures))
            if now > before * 2 + 0.01 {
                return "\(new.failures) of \(max(new.calls, new.failures)) calls failed"
                    + (old.calls == 0 ? "" : ", \(old.failures) of \(old.calls) with the code before")
            }
        }
        if let now = new.slowest, now > slowestAllowed, let before = old.slowest, now > before * slowdown {
            return "its calls take up to \(now / 1_000) us, those of the code before took \(before / 1_000) us"
        }
        return nil
    }
}

/// Why a file does not run although it is what the configuration names.
struct Refusal: Sendable {
    var reason: String
    /// Of the file; empty when its content is not the reason.
    var sha256: String
    /// Monotonic nanoseconds.
    var at = monotonicNow()
    /// It ran and was taken back: it does not come again before it changes, or somebody insists.
    var isQuarantined = false
}

/// A watch of a file that is not loaded, and that an edit of the configuration waits for.
struct AwaitedFile: Sendable {
    var watch: UInt64
    /// Nanoseconds.
    var settle: Int64
    /// SHA-256 of what was refused; nil: there was nothing.
    var refused: String?
}

/// A watch of a plugin's file.
struct Follow: Equatable, Sendable {
    var watch: UInt64
    var path: String
    /// Nanoseconds.
    var settle: Int64
}
