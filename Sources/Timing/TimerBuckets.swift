/// Where the timers of a wheel wait: 8 levels of 64 buckets, and one ordered list of those that are due.
///
/// A tick is 2^20 ns (1.05 ms); level L covers 64^(L+1) ticks, so 8 levels cover every `Int64` deadline. An entry lies
/// on the level of the highest 6-bit digit in which its tick differs from `tick`, in the bucket of that digit.
///
/// Invariants: all entries of a level share with `tick` every digit above that level, and their own digit is greater
/// than that of `tick` (on level 0: not less). Therefore no level ever wraps around, and the earliest bucket is the
/// lowest bit of the lowest level that has one. An overdue entry lies in the level 0 bucket of `tick`. A bit of
/// `occupied` is set exactly when its bucket has an entry.
struct TimerBuckets {
    static let tickShift: Int64 = 20
    static let digitBits = 6
    static let levelCount = 8
    /// List of the entries that fire in the running `advance`, in firing order.
    static let dueBucket = UInt16(levelCount << digitBits)
    /// Mark of an entry that holds no timer.
    static let freeBucket = UInt16.max

    private struct Ends {
        var first = noEntry
        var last = noEntry
    }

    var slab = UnsafeTimerSlab()
    /// Tick up to which buckets have been emptied.
    private(set) var tick: UInt64
    /// Deadlines up to here fire in the running `advance`; `Int64.min` outside of one.
    var horizon = Int64.min
    private var occupied: InlineArray<8, UInt64> = .init(repeating: 0)
    private let ends: UnsafeMutablePointer<Ends>

    init(now: Int64) {
        tick = Self.tick(of: now)
        let count = Int(Self.dueBucket) + 1
        ends = .allocate(capacity: count)
        ends.initialize(repeating: Ends(), count: count)
    }

    func destroy() {
        ends.deallocate()
        slab.destroy()
    }

    static func tick(of time: Int64) -> UInt64 {
        UInt64(max(time, 0) >> tickShift)
    }

    // MARK: Placing

    /// Puts an entry that is in no list where its deadline belongs: into the running `advance` when it is due there.
    mutating func place(_ index: UInt32) {
        let deadline = slab[index].pointee.deadline
        if deadline <= horizon, Self.tick(of: deadline) <= tick { insertDue(index) } else { fileIntoBucket(index) }
    }

    private mutating func fileIntoBucket(_ index: UInt32) {
        let wanted = max(Self.tick(of: slab[index].pointee.deadline), tick)
        let differing = wanted ^ tick
        let highestBit = UInt64.bitWidth - 1 - differing.leadingZeroBitCount
        let level = differing == 0 ? 0 : highestBit / Self.digitBits
        let digit = wanted >> UInt64(level * Self.digitBits) & 63
        append(index, to: UInt16(level << Self.digitBits) | UInt16(digit))
    }

    mutating func unlink(_ index: UInt32) {
        let entry = slab[index]
        let bucket = entry.pointee.bucket
        let (previous, next) = (entry.pointee.previous, entry.pointee.next)
        if previous == noEntry { ends[Int(bucket)].first = next } else { slab[previous].pointee.next = next }
        if next == noEntry { ends[Int(bucket)].last = previous } else { slab[next].pointee.previous = previous }
        if previous == noEntry, next == noEntry { markEmpty(bucket) }
    }

    private mutating func append(_ index: UInt32, to bucket: UInt16) {
        link(index, after: ends[Int(bucket)].last, in: bucket)
        occupied[Int(bucket) >> Self.digitBits] |= 1 << UInt64(bucket & 63)
    }

    /// Keeps the due list in firing order. Walks from the end: what is scheduled while firing is mostly the latest.
    private mutating func insertDue(_ index: UInt32) {
        var previous = ends[Int(Self.dueBucket)].last
        while previous != noEntry, fires(index, before: previous) { previous = slab[previous].pointee.previous }
        link(index, after: previous, in: Self.dueBucket)
    }

    private func link(_ index: UInt32, after previous: UInt32, in bucket: UInt16) {
        let next = previous == noEntry ? ends[Int(bucket)].first : slab[previous].pointee.next
        let entry = slab[index]
        entry.pointee.bucket = bucket
        entry.pointee.previous = previous
        entry.pointee.next = next
        if previous == noEntry { ends[Int(bucket)].first = index } else { slab[previous].pointee.next = index }
        if next == noEntry { ends[Int(bucket)].last = index } else { slab[next].pointee.previous = index }
    }

    private mutating func markEmpty(_ bucket: UInt16) {
        guard bucket != Self.dueBucket else { return }
        occupied[Int(bucket) >> Self.digitBits] &= ~(1 << UInt64(bucket & 63))
    }

    // MARK: Advancing

    /// The next entry that fires at `horizon`, unlinked; nil when there is none, and then `tick` is that of `horizon`.
    mutating func popDue() -> UInt32? {
        while true {
            let first = ends[Int(Self.dueBucket)].first
            if first != noEntry {
                unlink(first)
                return first
            }
            let last = Self.tick(of: horizon)
            guard let (bucket, start) = earliest(), start <= last else {
                tick = max(tick, last)
                return nil
            }
            tick = max(tick, start)
            if bucket >= 64 { cascade(bucket) } else if !collectDue(bucket) { return nil }
        }
    }

    /// A time before which no timer is due: exact on level 0, else the start of the earliest bucket.
    func earliestDeadline() -> Int64 {
        guard let (bucket, start) = earliest() else { return .max }
        guard bucket < 64 else { return Int64(start) << Self.tickShift }
        var deadline = Int64.max
        var index = ends[Int(bucket)].first
        while index != noEntry {
            deadline = min(deadline, slab[index].pointee.deadline)
            index = slab[index].pointee.next
        }
        return deadline
    }

    private func earliest() -> (bucket: UInt16, start: UInt64)? {
        for level in 0..<Self.levelCount where occupied[level] != 0 {
            let digit = UInt64(occupied[level].trailingZeroBitCount)
            let shift = UInt64(level * Self.digitBits)
            let above = (tick >> shift) & ~63
            return (UInt16(level << Self.digitBits) | UInt16(digit), (above | digit) << shift)
        }
        return nil
    }

    /// Moves the entries of a bucket whose start is `tick` to lower levels.
    private mutating func cascade(_ bucket: UInt16) {
        var index = takeAll(bucket)
        while index != noEntry {
            let next = slab[index].pointee.next
            fileIntoBucket(index)
            index = next
        }
    }

    /// Moves what `horizon` covers from the level 0 bucket of `tick` to the empty due list; answers whether anything.
    private mutating func collectDue(_ bucket: UInt16) -> Bool {
        var index = sorted(takeAll(bucket))
        while index != noEntry {
            let next = slab[index].pointee.next
            if slab[index].pointee.deadline <= horizon {
                link(index, after: ends[Int(Self.dueBucket)].last, in: Self.dueBucket)
            } else {
                append(index, to: bucket)
            }
            index = next
        }
        return ends[Int(Self.dueBucket)].first != noEntry
    }

    private mutating func takeAll(_ bucket: UInt16) -> UInt32 {
        let first = ends[Int(bucket)].first
        ends[Int(bucket)] = Ends()
        markEmpty(bucket)
        return first
    }

    // MARK: Order

    private func fires(_ index: UInt32, before other: UInt32) -> Bool {
        let (left, right) = (slab[index], slab[other])
        if left.pointee.deadline != right.pointee.deadline { return left.pointee.deadline < right.pointee.deadline }
        return left.pointee.order < right.pointee.order
    }

    /// The list from `first` in firing order, linked by `next` alone. Most lists are in order already.
    private func sorted(_ first: UInt32) -> UInt32 {
        var count = 0
        var inOrder = true
        var (previous, index) = (noEntry, first)
        while index != noEntry {
            if previous != noEntry, fires(index, before: previous) { inOrder = false }
            (previous, index) = (index, slab[index].pointee.next)
            count += 1
        }
        return inOrder ? first : sortedPrefix(first, count: count).sorted
    }

    private func sortedPrefix(_ first: UInt32, count: Int) -> (sorted: UInt32, rest: UInt32) {
        if count == 1 {
            let rest = slab[first].pointee.next
            slab[first].pointee.next = noEntry
            return (first, rest)
        }
        let left = sortedPrefix(first, count: count / 2)
        let right = sortedPrefix(left.rest, count: count - count / 2)
        return (merged(left.sorted, right.sorted), right.rest)
    }

    private func merged(_ left: UInt32, _ right: UInt32) -> UInt32 {
        var (left, right) = (left, right)
        var (first, last) = (noEntry, noEntry)
        while left != noEntry || right != noEntry {
            let takesRight = left == noEntry || (right != noEntry && fires(right, before: left))
            let taken = takesRight ? right : left
            if takesRight { right = slab[taken].pointee.next } else { left = slab[taken].pointee.next }
            if last == noEntry { first = taken } else { slab[last].pointee.next = taken }
            last = taken
        }
        if last != noEntry { slab[last].pointee.next = noEntry }
        return first
    }
}
