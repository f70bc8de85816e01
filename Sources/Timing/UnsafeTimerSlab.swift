/// One timer: 39 bytes, stride 40. `next` and `previous` link it into a bucket, or `next` into the free list.
struct TimerEntry {
    var deadline: Int64
    var payload: UInt64
    /// Number of the scheduling; decides between equal deadlines.
    var order: UInt64
    var next: UInt32
    var previous: UInt32
    var generation: UInt32
    /// Bucket that holds the entry.
    var bucket: UInt16
    var kind: UInt8
}

/// The "no entry" value of links and list ends.
let noEntry = UInt32.max

/// Entries in chunks that never move, so that a wheel with a million timers grows without a copy.
///
/// Invariants: an index below `chunkCount * chunkSize` always has initialized memory behind it; the generation of an
/// entry is never 0 and changes when the entry is released. Memory is kept at the high-water mark until `destroy`.
struct UnsafeTimerSlab {
    private static let chunkShift: UInt32 = 9
    private static let chunkSize = 1 << chunkShift

    private var chunks: UnsafeMutablePointer<UnsafeMutablePointer<TimerEntry>>
    private var chunkCount = 0
    private var chunkCapacity = 8
    private var freeHead = noEntry
    private(set) var liveCount = 0

    init() {
        chunks = .allocate(capacity: chunkCapacity)
    }

    func destroy() {
        for position in 0..<chunkCount { chunks[position].deallocate() }
        chunks.deallocate()
    }

    @inline(__always)
    subscript(index: UInt32) -> UnsafeMutablePointer<TimerEntry> {
        chunks[Int(index >> Self.chunkShift)] + Int(index & UInt32(Self.chunkSize - 1))
    }

    /// The live entry an id names, nil for a stale id, `none` and ids of another wheel that are out of range.
    func index(of id: TimerID) -> UInt32? {
        let index = id.index
        guard Int(index >> Self.chunkShift) < chunkCount, self[index].pointee.generation == id.generation,
            self[index].pointee.bucket != TimerBuckets.freeBucket
        else { return nil }
        return index
    }

    mutating func take() -> UInt32 {
        if freeHead == noEntry { grow() }
        let index = freeHead
        freeHead = self[index].pointee.next
        liveCount &+= 1
        return index
    }

    mutating func release(_ index: UInt32) {
        let entry = self[index]
        entry.pointee.generation = entry.pointee.generation == .max ? 1 : entry.pointee.generation &+ 1
        entry.pointee.bucket = TimerBuckets.freeBucket
        entry.pointee.next = freeHead
        freeHead = index
        liveCount &-= 1
    }

    private mutating func grow() {
        precondition(chunkCount < Int(noEntry >> Self.chunkShift), "a timer wheel holds at most 2^32 timers")
        if chunkCount == chunkCapacity {
            let larger = UnsafeMutablePointer<UnsafeMutablePointer<TimerEntry>>.allocate(capacity: chunkCapacity * 2)
            larger.moveInitialize(from: chunks, count: chunkCount)
            chunks.deallocate()
            chunks = larger
            chunkCapacity *= 2
        }
        let chunk = UnsafeMutablePointer<TimerEntry>.allocate(capacity: Self.chunkSize)
        let first = UInt32(chunkCount) << Self.chunkShift
        for position in 0..<Self.chunkSize {
            let isLast = position == Self.chunkSize - 1
            (chunk + position).initialize(
                to: TimerEntry(
                    deadline: 0, payload: 0, order: 0, next: isLast ? noEntry : first + UInt32(position) + 1,
                    previous: noEntry, generation: 1, bucket: TimerBuckets.freeBucket, kind: 0))
        }
        chunks[chunkCount] = chunk
        chunkCount += 1
        freeHead = first
    }
}
