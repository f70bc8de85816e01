import Glibc

/// Storage for pointer structs with stable addresses, addressed by a handle of index and generation.
///
/// Elements live in chunks that are never moved or unmapped, so a pointer stays dereferenceable after `free`; the
/// generation in the handle tells a stale one. Single-threaded: a slab belongs to one shard.
struct UnsafeHandleTable<Element> {
    private struct Slot {
        var generation: UInt32
        var nextFree: UInt32
    }
    private struct Chunk {
        let slots: UnsafeMutablePointer<Slot>
        let elements: UnsafeMutablePointer<Element>
    }

    private static var chunkBits: Int { 8 }
    private static var chunkMask: Int { (1 << chunkBits) - 1 }
    private var chunks: [Chunk] = []
    private var firstFree = UInt32.max
    /// Elements in use.
    private(set) var count = 0

    /// Generations are kept to 24 bits, so that a handle is below 2^56 and a shard number fits above it.
    private static var generationMask: UInt32 { 0xff_ffff }

    /// Puts `element` into a free slot. The handle is never 0; a slot's generation wraps after 2^23 uses.
    mutating func insert(_ element: Element) -> (handle: UInt64, pointer: UnsafeMutablePointer<Element>) {
        if firstFree == .max { addChunk() }
        let index = Int(firstFree)
        let chunk = chunks[index >> Self.chunkBits]
        let slot = chunk.slots + (index & Self.chunkMask)
        firstFree = slot.pointee.nextFree
        slot.pointee.generation = (slot.pointee.generation &+ 1) & Self.generationMask
        let pointer = chunk.elements + (index & Self.chunkMask)
        pointer.initialize(to: element)
        count += 1
        return (UInt64(slot.pointee.generation) << 32 | UInt64(index), pointer)
    }

    /// The element of `handle`, or nil when it was freed.
    @inline(__always)
    func find(_ handle: UInt64) -> UnsafeMutablePointer<Element>? {
        let index = Int(truncatingIfNeeded: handle & 0xffff_ffff)
        guard index >> Self.chunkBits < chunks.count else { return nil }
        let chunk = chunks[index >> Self.chunkBits]
        let generation = chunk.slots[index & Self.chunkMask].generation
        guard generation == UInt32(truncatingIfNeeded: handle >> 32), generation & 1 == 1 else { return nil }
        return chunk.elements + (index & Self.chunkMask)
    }

    /// Ends the life of the element; its handle is stale from now on.
    mutating func free(_ handle: UInt64) {
        guard let pointer = find(handle) else { return }
        let index = Int(truncatingIfNeeded: handle & 0xffff_ffff)
        pointer.deinitialize(count: 1)
        let slot = chunks[index >> Self.chunkBits].slots + (index & Self.chunkMask)
        slot.pointee.generation = (slot.pointee.generation &+ 1) & Self.generationMask
        slot.pointee.nextFree = firstFree
        firstFree = UInt32(truncatingIfNeeded: index)
        count -= 1
    }

    /// Calls `body` with every element in use. `body` may free the element it is given.
    func forEach(_ body: (UInt64, UnsafeMutablePointer<Element>) -> Void) {
        for (number, chunk) in chunks.enumerated() {
            for offset in 0...Self.chunkMask {
                let generation = chunk.slots[offset].generation
                guard generation & 1 == 1 else { continue }
                let index = UInt64(number << Self.chunkBits + offset)
                body(UInt64(generation) << 32 | index, chunk.elements + offset)
            }
        }
    }

    /// Calls `body` with the elements in use from slot `index` on, until it answers false.
    /// - Returns: the slot it answered false to; nil when all were seen.
    func walk(from index: Int, _ body: (UnsafeMutablePointer<Element>) -> Bool) -> Int? {
        for slot in max(0, index)..<max(index, chunks.count << Self.chunkBits) {
            let chunk = chunks[slot >> Self.chunkBits]
            guard chunk.slots[slot & Self.chunkMask].generation & 1 == 1 else { continue }
            if !body(chunk.elements + (slot & Self.chunkMask)) { return slot }
        }
        return nil
    }

    /// Ends the life of every element and frees the chunks. No pointer and no handle may be used afterwards.
    mutating func destroy() {
        forEach { _, element in element.deinitialize(count: 1) }
        for chunk in chunks {
            chunk.slots.deallocate()
            chunk.elements.deallocate()
        }
        chunks = []
        firstFree = .max
        count = 0
    }

    private mutating func addChunk() {
        let size = 1 << Self.chunkBits
        let slots = UnsafeMutablePointer<Slot>.allocate(capacity: size)
        let base = UInt32(chunks.count << Self.chunkBits)
        for offset in stride(from: size - 1, through: 0, by: -1) {
            // An odd generation means in use: the slot starts free.
            slots[offset] = Slot(generation: 0, nextFree: firstFree)
            firstFree = base + UInt32(offset)
        }
        chunks.append(Chunk(slots: slots, elements: .allocate(capacity: size)))
    }
}
