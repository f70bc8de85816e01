import CContainment
import Configuration
import Glibc

/// Looks at all threads that run plugins, and acts when one does not come back.
///
/// @unchecked Sendable: `thread` is set in `init` and read in `stop` only; the tracker belongs to the thread; the rest
/// is constant or behind the monitor.
final class Watchdog: @unchecked Sendable {
    private let thresholds: HangTracker.Thresholds
    private let isStopped = Monitor(false)
    private let act: @Sendable (HangTracker.Verdict) -> Void
    private var thread: pthread_t?

    /// - Parameter act: called on the watchdog's thread.
    init(_ thresholds: HangTracker.Thresholds, act: @escaping @Sendable (HangTracker.Verdict) -> Void) {
        self.thresholds = thresholds
        self.act = act
        guard thresholds.report > 0 || thresholds.stuck > 0 || thresholds.abort > 0 else { return }
        thread = HostThread.start("hl-watchdog") { [unowned self] in run() }
    }

    /// Ends the thread.
    func stop() {
        isStopped.withLock { $0 = true }
        if let thread { pthread_join(thread, nil) }
        thread = nil
    }

    private func run() {
        var tracker = HangTracker(thresholds)
        while true {
            let next = monotonicNow() + thresholds.interval
            let ends: Bool = isStopped.wait { isStopped, wakeUp in
                if isStopped { return true }
                if monotonicNow() >= next { return false }
                wakeUp = next
                return nil
            }
            guard !ends else { return }
            let now = monotonicNow()
            for slot in 0..<Int(HC_MAXIMUM_THREADS) {
                var place = hc_place()
                let call = hc_look(Int32(slot), &place) != 0 ? WatchedCall(place) : nil
                for verdict in tracker.see(slot, call, now: now) { act(verdict) }
            }
        }
    }

    /// Where a thread is, one line from the innermost function outwards; empty when it does not answer.
    static func stack(of thread: Int32) -> String {
        var frames = [UnsafeMutableRawPointer?](repeating: nil, count: Int(HC_MAXIMUM_FRAMES))
        let count = hc_stack(thread, &frames, Int32(frames.count), 200)
        var lines: [String] = []
        // The first two are the signal handler and what the kernel puts beneath it.
        for frame in frames[..<Int(count)].dropFirst(2).prefix(12) {
            var text = [CChar](repeating: 0, count: 256)
            let length = Int(hc_describe(frame, &text, 256))
            lines.append(String(decoding: text[..<min(length, 255)].map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
        return lines.joined(separator: " < ")
    }

    /// Ends the process; the next start reads who is to blame.
    static func abort(_ call: WatchedCall, plugin: String, generation: UInt32) -> Never {
        var place = hc_place()
        place.hook = call.hook
        hc_abort(&place, plugin, generation)
    }
}

extension WatchedCall {
    /// Nil when the thread is in no plugin.
    fileprivate init?(_ place: hc_place) {
        guard let plugin = place.plugin else { return nil }
        self.init(
            plugin: UInt(bitPattern: plugin), step: place.step.map { String(cString: $0) }, hook: place.hook,
            // Within one turn of a loop the time stands still: a call that looks the same is one, or many that
            // together hold the loop as long.
            serial: place.step == nil ? UInt64(bitPattern: place.since) : place.serial, isLoop: place.loop != 0,
            thread: place.thread)
    }
}

extension HangTracker.Thresholds {
    init(_ containment: BrokerConfiguration.Containment) {
        self.init(
            report: containment.hangReport.nanoseconds, stuck: containment.hangStuck.nanoseconds,
            abort: containment.hangAbort.nanoseconds)
    }
}
