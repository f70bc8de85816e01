/// Names one scheduled timer of one `TimerWheel`.
///
/// The value is trivial: index of the wheel's entry and the entry's generation. It goes stale when the timer fires or
/// is cancelled; a stale id is refused by `cancel` and `reschedule` and never names a younger timer.
public struct TimerID: Hashable, Sendable {
    /// Index in the lower, generation in the upper 32 bits; 0 is `none`.
    public let rawValue: UInt64

    /// The id no timer ever has: the value of "nothing scheduled" in a field that always holds an id.
    public static let none = TimerID(rawValue: 0)

    /// Restores an id from the `rawValue` of another one, as when it was kept in a C structure.
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    init(index: UInt32, generation: UInt32) {
        rawValue = UInt64(generation) << 32 | UInt64(index)
    }

    var index: UInt32 { UInt32(truncatingIfNeeded: rawValue) }
    var generation: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 32) }
}
