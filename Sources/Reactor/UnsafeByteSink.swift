import Glibc

/// A growing run of bytes. It frees nothing by itself: whoever made it calls `destroy` once.
public struct UnsafeByteSink {
    private var base: UnsafeMutableRawPointer?
    private var capacity = 0
    /// Number of bytes in the sink.
    public private(set) var count = 0

    init() {}

    /// The bytes, valid until the sink is changed.
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// Appends a copy of `source`.
    public mutating func append(_ source: UnsafeRawBufferPointer) {
        guard let from = source.baseAddress, source.count > 0 else { return }
        reserve(source.count).copyMemory(from: from, byteCount: source.count)
        count &+= source.count
    }

    /// Lets `body` write up to `room` bytes in place; it answers how many it wrote.
    public mutating func append(room: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int) {
        let written = body(UnsafeMutableRawBufferPointer(start: reserve(room), count: room))
        precondition((0...room).contains(written), "more bytes written than there was room for")
        count &+= written
    }

    mutating func removeFirst(_ length: Int) {
        guard let base, length > 0 else { return }
        count &-= length
        memmove(base, base + length, count)
    }

    /// Empties the sink; keeps memory up to `limit` bytes for reuse.
    mutating func removeAll(keepingAtMost limit: Int) {
        count = 0
        if capacity > limit { destroy() }
    }

    mutating func destroy() {
        free(base)
        base = nil
        capacity = 0
        count = 0
    }

    private mutating func reserve(_ more: Int) -> UnsafeMutableRawPointer {
        let needed = count + more
        if needed > capacity || base == nil {
            let larger = max(needed, capacity * 2, 512)
            guard let moved = realloc(base, larger) else { preconditionFailure("out of memory: \(larger) bytes") }
            base = moved
            capacity = larger
        }
        guard let base else { preconditionFailure("a sink with capacity has memory") }
        return base + count
    }
}
