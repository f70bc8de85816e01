// HOT PATH: append is one compare, one memcpy; no allocation once the pool is warm.
import Glibc

/// Bytes waiting to be written to one connection. Takes a chunk from the shard's pool on the first byte and gives it
/// back when drained, so an idle connection holds none.
struct OutputBuffer {
    private(set) var base: UnsafeMutablePointer<UInt8>?
    private var start: Int32 = 0
    private var end: Int32 = 0
    private var capacity: Int32 = 0

    /// Bytes waiting.
    @inline(__always)
    var count: Int { Int(end &- start) }

    /// The bytes waiting; borrowed until the next call.
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base.map { UnsafeRawPointer($0) + Int(start) }, count: count)
    }

    /// Room for `size` bytes at the end, counted as written; the caller fills all of it. `size` is below 2^28.
    @inline(__always)
    mutating func reserve(_ size: Int, _ pool: UnsafeMutablePointer<OutputPool>) -> UnsafeMutablePointer<UInt8> {
        if Int(capacity &- end) < size { grow(size, pool) }
        let place = base.unsafelyUnwrapped + Int(end)
        end &+= Int32(truncatingIfNeeded: size)
        return place
    }

    /// Takes back the last `size` bytes of a reservation that were not used.
    mutating func unreserve(_ size: Int) { end &-= Int32(truncatingIfNeeded: size) }

    /// Marks the first `size` bytes as written. When nothing waits any more the memory goes back to the pool.
    @inline(__always)
    mutating func consume(_ size: Int, _ pool: UnsafeMutablePointer<OutputPool>) {
        start &+= Int32(truncatingIfNeeded: size)
        if start == end { releaseMemory(pool) }
    }

    /// Gives the memory back, whatever it holds.
    mutating func releaseMemory(_ pool: UnsafeMutablePointer<OutputPool>) {
        if let base { pool.pointee.giveBack(base, capacity: Int(capacity)) }
        base = nil
        start = 0
        end = 0
        capacity = 0
    }

    @inline(never)
    private mutating func grow(_ size: Int, _ pool: UnsafeMutablePointer<OutputPool>) {
        let waiting = count
        if base == nil && size <= OutputPool.chunkSize {
            base = pool.pointee.take()
            capacity = Int32(OutputPool.chunkSize)
            return
        }
        if start > 0, waiting + size <= Int(capacity), let base {
            memmove(base, base + Int(start), waiting)
        } else {
            var larger = max(Int(capacity) * 2, OutputPool.chunkSize)
            while larger < waiting + size { larger *= 2 }
            let memory = OutputPool.allocate(larger)
            if let base {
                memcpy(memory, base + Int(start), waiting)
                pool.pointee.giveBack(base, capacity: Int(capacity))
            }
            base = memory
            capacity = Int32(truncatingIfNeeded: larger)
        }
        start = 0
        end = Int32(truncatingIfNeeded: waiting)
    }
}

/// Free chunks of one shard. Keeps at most `keepMaximum`; the rest goes back to the heap.
struct OutputPool {
    static let chunkSize = 16 << 10
    private static let keepMaximum = 256
    private var chunks: [UnsafeMutablePointer<UInt8>] = []

    init() { chunks.reserveCapacity(Self.keepMaximum) }

    mutating func take() -> UnsafeMutablePointer<UInt8> {
        chunks.popLast() ?? Self.allocate(Self.chunkSize)
    }

    mutating func giveBack(_ chunk: UnsafeMutablePointer<UInt8>, capacity: Int) {
        if capacity == Self.chunkSize && chunks.count < Self.keepMaximum {
            chunks.append(chunk)
        } else {
            free(chunk)
        }
    }

    /// Frees the chunks kept.
    mutating func release() {
        for chunk in chunks { free(chunk) }
        chunks = []
    }

    static func allocate(_ size: Int) -> UnsafeMutablePointer<UInt8> {
        guard let memory = malloc(size) else { fatalError("out of memory: \(size) bytes of output buffer") }
        return memory.bindMemory(to: UInt8.self, capacity: size)
    }
}
