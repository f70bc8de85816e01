/// Timers of one shard or one event loop: a hierarchical timer wheel that reads no clock.
///
/// Times are nanoseconds since an arbitrary origin, 0 or greater, given by argument; so a test moves days in an
/// instant. A timer fires in the first `advance(to:)` whose time is not before its deadline: never early, and late by
/// nothing but the caller's delay. The wheel's tick of 2^20 ns only decides how timers are grouped inside.
///
/// `schedule`, `cancel` and `reschedule` take constant time. A timer occupies 40 bytes, kept for reuse; a wheel has
/// about 4 KiB besides. A wheel belongs to one thread.
public final class TimerWheel {
    // The state lies behind a pointer so that callbacks may use the wheel while `advance` runs, without the
    // exclusivity checks that stored properties of a class cost on every access.
    private let buckets: UnsafeMutablePointer<TimerBuckets>
    private let clock: UnsafeMutablePointer<Clock>

    private struct Clock {
        var now: Int64
        /// No timer is due before this time.
        var next = Int64.max
        /// Number of the latest scheduling.
        var order: UInt64 = 0
    }

    /// Makes an empty wheel that stands at `now`.
    public init(now: Int64 = 0) {
        precondition(now >= 0, "wheel time starts at 0 or later")
        buckets = .allocate(capacity: 1)
        buckets.initialize(to: TimerBuckets(now: now))
        clock = .allocate(capacity: 1)
        clock.initialize(to: Clock(now: now))
    }

    deinit {
        buckets.pointee.destroy()
        buckets.deallocate()
        clock.deallocate()
    }

    /// Number of timers that have neither fired nor been cancelled.
    public var count: Int { buckets.pointee.slab.liveCount }

    /// The latest time given to `advance(to:)`.
    public var now: Int64 { clock.pointee.now }

    /// A time before which no timer is due, nil without timers; when to call `advance(to:)` next.
    ///
    /// A lower bound: it may be early after a cancellation, or for a timer more than 67 ms away. Calling `advance(to:)`
    /// then brings the next, later bound, at most eight times per timer. Constant time.
    public var nextDeadline: Int64? { count == 0 ? nil : clock.pointee.next }

    /// Schedules a timer for `deadline`; `kind` and `payload` are the caller's and come back when it fires.
    ///
    /// A deadline that has passed is due in the next `advance(to:)`, or in the running one.
    public func schedule(at deadline: Int64, kind: UInt8, payload: UInt64) -> TimerID {
        let index = buckets.pointee.slab.take()
        let entry = buckets.pointee.slab[index]
        entry.pointee.kind = kind
        entry.pointee.payload = payload
        start(index, at: deadline)
        return TimerID(index: index, generation: entry.pointee.generation)
    }

    /// Cancels a timer; answers whether it was still scheduled.
    @discardableResult
    public func cancel(_ id: TimerID) -> Bool {
        guard let index = buckets.pointee.slab.index(of: id) else { return false }
        buckets.pointee.unlink(index)
        buckets.pointee.slab.release(index)
        return true
    }

    /// Gives a scheduled timer another deadline, keeping its id; answers whether it was still scheduled.
    ///
    /// Among equal deadlines it counts as scheduled now.
    @discardableResult
    public func reschedule(_ id: TimerID, at deadline: Int64) -> Bool {
        guard let index = buckets.pointee.slab.index(of: id) else { return false }
        buckets.pointee.unlink(index)
        start(index, at: deadline)
        return true
    }

    /// Moves the wheel to `time` and fires every timer that is due, earliest deadline first, equal deadlines in the
    /// order of scheduling. A `time` before `now` counts as `now`.
    ///
    /// `fire` may schedule, cancel and reschedule; what it schedules for `time` or before fires in this same call, so
    /// a timer that re-arms itself must move forward. The id given to `fire` is stale already. `fire` must not call
    /// `advance(to:)`. Constant time when nothing is due.
    public func advance(to time: Int64, _ fire: (_ kind: UInt8, _ payload: UInt64, _ id: TimerID) -> Void) {
        precondition(buckets.pointee.horizon == .min, "advance(to:) called by a timer of the same wheel")
        let time = max(time, clock.pointee.now)
        clock.pointee.now = time
        guard clock.pointee.next <= time else { return }
        buckets.pointee.horizon = time
        while let index = buckets.pointee.popDue() {
            let entry = buckets.pointee.slab[index].pointee
            buckets.pointee.slab.release(index)
            fire(entry.kind, entry.payload, TimerID(index: index, generation: entry.generation))
        }
        buckets.pointee.horizon = .min
        clock.pointee.next = buckets.pointee.earliestDeadline()
    }

    private func start(_ index: UInt32, at deadline: Int64) {
        clock.pointee.order &+= 1
        let entry = buckets.pointee.slab[index]
        entry.pointee.deadline = deadline
        entry.pointee.order = clock.pointee.order
        clock.pointee.next = min(clock.pointee.next, deadline)
        buckets.pointee.place(index)
    }
}
