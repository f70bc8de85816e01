// HOT PATH: four instructions per message.

/// Sizes in buckets that double in width: plain memory, because it is touched for every message.
struct SizeCounts {
    /// Place `n` counts sizes above 2^n up to 2^(n+1) bytes, place 0 those up to 2; the last one those of 0 bytes.
    private let places: UnsafeMutablePointer<UInt64>

    static let placeCount = 64

    init() {
        // A cache line of its own at either end.
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: Self.placeCount * MemoryLayout<UInt64>.stride, alignment: 128)
        places = memory.initializeMemory(as: UInt64.self, repeating: 0, count: Self.placeCount)
    }

    @inline(__always)
    func count(_ size: UInt64) {
        let place = 63 &- ((size &- 1) | 1).leadingZeroBitCount
        (places + place).pointee &+= 1
    }

    var all: [UInt64] { Array(UnsafeBufferPointer(start: places, count: Self.placeCount)) }

    func release() { UnsafeMutableRawPointer(places).deallocate() }
}
