// HOT PATH: 48 bytes per stream, no class, no reference count; one look-up per event.

/// Everything the loop knows about a stream.
struct StreamRecord {
    var context: UInt64 = 0
    /// Nil for a plain stream; else one reference is held.
    var filter: Unmanaged<StreamFilter>?
    /// While lingering: the timer that ends it. `rawValue` of a `TimerID`.
    var lingerTimer: UInt64 = 0
    var descriptor: Int32 = -1
    var generation: UInt32 = 1
    /// Events registered in epoll; 0 when the descriptor is not registered.
    var interest: UInt32 = 0
    /// Link of the free list.
    var nextFree: UInt32 = .max
    /// errno of a write that failed, kept until the stream has been read to its end.
    var writeError: Int32 = 0
    var flags: StreamFlags = []
}

struct StreamFlags: OptionSet {
    let rawValue: UInt16

    /// In use; an entry without it is on the free list.
    static let live = StreamFlags(rawValue: 1 << 0)
    /// The handler wants no bytes for now.
    static let paused = StreamFlags(rawValue: 1 << 1)
    /// A write was short; nothing is written until the socket or the filter is ready.
    static let blocked = StreamFlags(rawValue: 1 << 2)
    /// `hungUp` was called.
    static let hungUp = StreamFlags(rawValue: 1 << 3)
    /// Closed for the handler; the loop still sends what the filter holds and waits for the peer to hang up.
    static let lingering = StreamFlags(rawValue: 1 << 4)
    /// Lingering, and the sending side is shut down.
    static let shutDown = StreamFlags(rawValue: 1 << 5)
}

/// The streams of one loop, in chunks that never move: a pointer to a record holds as long as the stream lives.
///
/// Invariants: a generation is never 0 and changes when a record is released, so that an event or an id from before
/// finds nothing. Memory is kept at the high-water mark.
struct UnsafeStreamSlab {
    private static let chunkShift: UInt32 = 8
    private static let chunkSize = 1 << chunkShift

    private var chunks: UnsafeMutablePointer<UnsafeMutablePointer<StreamRecord>>
    private var chunkCount = 0
    private var chunkCapacity = 16
    private var freeHead = UInt32.max
    private(set) var liveCount = 0

    init() {
        chunks = .allocate(capacity: chunkCapacity)
    }

    func destroy() {
        for position in 0..<chunkCount { chunks[position].deallocate() }
        chunks.deallocate()
    }

    /// Exclusive upper bound of the indices in use.
    var indexBound: UInt32 { UInt32(chunkCount) << Self.chunkShift }

    @inline(__always)
    subscript(index: UInt32) -> UnsafeMutablePointer<StreamRecord> {
        chunks[Int(index >> Self.chunkShift)] + Int(index & UInt32(Self.chunkSize - 1))
    }

    @inline(__always)
    func find(_ id: StreamID) -> UnsafeMutablePointer<StreamRecord>? {
        let index = id.index
        guard Int(index >> Self.chunkShift) < chunkCount else { return nil }
        let record = self[index]
        guard record.pointee.generation == id.generation, record.pointee.flags.contains(.live) else { return nil }
        return record
    }

    mutating func take() -> StreamID {
        if freeHead == .max { grow() }
        let index = freeHead
        let record = self[index]
        let generation = record.pointee.generation
        freeHead = record.pointee.nextFree
        record.initialize(to: StreamRecord(generation: generation, flags: .live))
        liveCount &+= 1
        return StreamID(index: index, generation: generation)
    }

    mutating func release(_ id: StreamID) {
        let record = self[id.index]
        record.pointee.generation = Self.generation(after: record.pointee.generation)
        record.pointee.flags = []
        record.pointee.descriptor = -1
        record.pointee.filter = nil
        record.pointee.nextFree = freeHead
        freeHead = id.index
        liveCount &-= 1
    }

    /// Gives a live stream a new id, so that the old one is stale.
    func renew(_ id: StreamID) -> StreamID {
        let record = self[id.index]
        record.pointee.generation = Self.generation(after: record.pointee.generation)
        return StreamID(index: id.index, generation: record.pointee.generation)
    }

    private static func generation(after generation: UInt32) -> UInt32 {
        generation == .max ? 1 : generation &+ 1
    }

    private mutating func grow() {
        precondition(chunkCount < 1 << 22, "a loop holds at most 2^30 streams")
        if chunkCount == chunkCapacity {
            let larger = UnsafeMutablePointer<UnsafeMutablePointer<StreamRecord>>.allocate(capacity: chunkCapacity * 2)
            larger.moveInitialize(from: chunks, count: chunkCount)
            chunks.deallocate()
            chunks = larger
            chunkCapacity *= 2
        }
        let chunk = UnsafeMutablePointer<StreamRecord>.allocate(capacity: Self.chunkSize)
        let first = indexBound
        for position in 0..<Self.chunkSize {
            let isLast = position == Self.chunkSize - 1
            let next = isLast ? UInt32.max : first + UInt32(position) + 1
            (chunk + position).initialize(to: StreamRecord(nextFree: next))
        }
        chunks[chunkCount] = chunk
        chunkCount += 1
        freeHead = first
    }
}
