/// Storage of plain elements by 32-bit index: chunks that never move, so that an address holds until its element is
/// removed; freed indices are used again.
struct UnsafeSlab<Element: BitwiseCopyable>: ~Copyable {
    private static var chunkShift: Int { 8 }
    private static var chunkSize: Int { 1 << chunkShift }

    private var chunks = UnsafeScratch<UnsafeMutablePointer<Element>>()
    private var free = UnsafeScratch<UInt32>()
    private var used: UInt32 = 0

    deinit {
        for index in 0..<chunks.count { chunks[index].deallocate() }
    }

    /// Number of elements.
    var count: Int { Int(used) - free.count }

    @inline(__always)
    subscript(index: UInt32) -> UnsafeMutablePointer<Element> {
        chunks[Int(index) >> Self.chunkShift] + Int(index) & (Self.chunkSize - 1)
    }

    mutating func insert(_ element: Element) -> UInt32 {
        let index: UInt32
        if let reused = free.popLast() {
            index = reused
        } else {
            precondition(used < UInt32.max, "a slab holds fewer than 4,294,967,295 elements")
            index = used
            used += 1
            if Int(index) >> Self.chunkShift == chunks.count { chunks.append(.allocate(capacity: Self.chunkSize)) }
        }
        self[index].initialize(to: element)
        return index
    }

    mutating func remove(_ index: UInt32) { free.append(index) }
}
