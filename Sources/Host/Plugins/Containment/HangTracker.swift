/// Where a thread was seen, as far as a hang is concerned.
struct WatchedCall: Equatable {
    /// Address of the plugin's `hl_self`: to compare.
    var plugin: UInt
    /// Nil in a hook.
    var step: String?
    var hook: UInt32
    /// What tells this call from the next one of the same kind.
    var serial: UInt64
    /// An event loop waits for it.
    var isLoop: Bool
    /// Of the kernel.
    var thread: Int32
}

/// Decides when a call takes too long. Pure: sightings and times come in, what to do comes out.
struct HangTracker {
    /// Nanoseconds; 0: never.
    struct Thresholds: Equatable {
        var report: Int64
        var stuck: Int64
        var abort: Int64

        /// How often to look: often enough for the shortest of them.
        var interval: Int64 {
            let shortest: Int64 = [report, stuck, abort].filter { $0 > 0 }.min() ?? Int64.max
            return max(2_000_000, min(250_000_000, shortest / 4))
        }
    }

    enum Verdict: Equatable {
        /// Tell people where it is.
        case report(WatchedCall, took: Int64)
        /// Nobody else is to wait for this plugin.
        case stuck(WatchedCall, took: Int64)
        /// A loop is lost: end the process.
        case abort(WatchedCall, took: Int64)
        /// It came back after a report.
        case over(WatchedCall, took: Int64, wasStuck: Bool)
    }

    private enum Stage: Int { case quiet, reported, stuck, aborted }

    private struct Sighting {
        var call: WatchedCall
        var first: Int64
        var stage = Stage.quiet
    }

    private let thresholds: Thresholds
    private var sightings: [Int: Sighting] = [:]

    init(_ thresholds: Thresholds) { self.thresholds = thresholds }

    /// A thread was looked at; nil: it is in no plugin.
    mutating func see(_ slot: Int, _ call: WatchedCall?, now: Int64) -> [Verdict] {
        var verdicts: [Verdict] = []
        if let known = sightings[slot], known.call != call {
            if known.stage != .quiet {
                verdicts.append(.over(known.call, took: now - known.first, wasStuck: known.stage == .stuck))
            }
            sightings[slot] = nil
        }
        guard let call else { return verdicts }
        guard var sighting = sightings[slot] else {
            sightings[slot] = Sighting(call: call, first: now)
            return verdicts
        }
        let took = now - sighting.first
        func isOver(_ threshold: Int64) -> Bool { threshold > 0 && took >= threshold }
        // Work on a worker may take its time; it is told of where a loop would be given up.
        let report = call.step == "work" ? max(thresholds.report, thresholds.stuck) : thresholds.report
        if sighting.stage == .quiet, isOver(report) {
            sighting.stage = .reported
            verdicts.append(.report(call, took: took))
        }
        if call.isLoop, call.step == nil {
            if sighting.stage.rawValue < Stage.stuck.rawValue, isOver(thresholds.stuck) {
                sighting.stage = .stuck
                verdicts.append(.stuck(call, took: took))
            }
            if sighting.stage != .aborted, isOver(thresholds.abort) {
                sighting.stage = .aborted
                verdicts.append(.abort(call, took: took))
            }
        }
        sightings[slot] = sighting
        return verdicts
    }
}
