/// Names one open stream of one event loop: index and generation, trivial to copy.
///
/// It goes stale when the stream is closed or detached; every call with a stale id is refused, so a late answer never
/// reaches the connection that took the place.
public struct StreamID: Hashable, Sendable {
    /// Index in the lower, generation in the upper 32 bits; 0 is `none`. Also the stream's token in epoll.
    public let rawValue: UInt64

    /// The id no stream ever has.
    public static let none = StreamID(rawValue: 0)

    /// Restores an id from the `rawValue` of another one.
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    init(index: UInt32, generation: UInt32) {
        rawValue = UInt64(generation) << 32 | UInt64(index)
    }

    var index: UInt32 { UInt32(truncatingIfNeeded: rawValue) }
    var generation: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 32) }
}
