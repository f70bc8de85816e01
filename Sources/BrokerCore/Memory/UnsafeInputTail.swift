import Glibc

/// The bytes of a connection that were read but are not handled yet: the beginning of a packet whose rest has not
/// arrived, or whole packets while a hook is pending. Empty (no memory) on a connection that sends whole packets.
struct InputTail {
    private var base: UnsafeMutablePointer<UInt8>?
    private(set) var count: Int = 0
    private var capacity: Int = 0

    /// The bytes kept; borrowed until the next call.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// Appends `bytes`. `expected` is the total the caller will need, so that a large packet is allocated once.
    mutating func append(_ bytes: UnsafeRawBufferPointer, expected: Int) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        let needed = count + bytes.count
        if needed > capacity {
            let larger = max(needed, min(expected, needed * 4))
            guard let memory = realloc(base, larger) else {
                fatalError("out of memory: \(larger) bytes of input buffer")
            }
            base = memory.bindMemory(to: UInt8.self, capacity: larger)
            capacity = larger
        }
        memcpy(base! + count, source, bytes.count)
        count = needed
    }

    /// Hands the memory to the caller, who frees it with `free`.
    mutating func take() -> (base: UnsafeMutablePointer<UInt8>?, count: Int) {
        defer {
            base = nil
            count = 0
            capacity = 0
        }
        return (base, count)
    }

    /// Takes back memory handed out by `take`, so that a packet that is still incomplete is not copied again.
    mutating func putBack(_ memory: (base: UnsafeMutablePointer<UInt8>?, count: Int), expected: Int) {
        base = memory.base
        count = memory.count
        capacity = memory.count
        guard expected > capacity, let larger = realloc(base, expected) else { return }
        base = larger.bindMemory(to: UInt8.self, capacity: expected)
        capacity = expected
    }

    /// Frees the memory.
    mutating func release() { free(take().base) }
}
