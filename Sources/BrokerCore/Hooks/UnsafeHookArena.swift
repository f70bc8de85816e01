import Glibc
import PluginABI

/// Memory that is given out piece by piece and taken back as a whole. One thread at a time.
final class HookArena {
    private struct Chunk {
        let base: UnsafeMutableRawPointer
        let size: Int
    }

    private var chunks: [Chunk] = []
    private var used = 0
    private let firstSize: Int
    /// Gets the bit ``useMark`` with every allocation: whoever owns the place knows when there is something to take
    /// back.
    var use: UnsafeMutablePointer<UInt32>?
    /// Beyond all HL_ANSWER_*: what a plugin says and what it takes is found with one look.
    static var useMark: UInt32 { 1 << 31 }
    private let wipes: Bool
    /// Secrets were copied into it: wiped like an arena made for them.
    var holdsSecrets = false
    /// An allocation has failed since the last reset: what was copied is not complete and must not be judged by.
    private(set) var hasFailed = false

    /// - Parameter wipes: overwrite everything with zeros before it is given back: the arena may hold secrets.
    init(firstSize: Int, wipes: Bool) {
        self.firstSize = firstSize
        self.wipes = wipes
    }

    deinit { release(keeping: 0) }

    /// Whether nothing has been given out since the last reset.
    var isEmpty: Bool { used == 0 && chunks.count <= 1 }

    /// 16-byte aligned memory, not zeroed, valid until `reset`; nil when the machine has none.
    func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
        use?.pointee |= HookArena.useMark
        let rounded = (max(size, 1) + 15) & ~15
        if let last = chunks.last, last.size - used >= rounded {
            defer { used += rounded }
            return last.base + used
        }
        let chunkSize = max(rounded, chunks.isEmpty ? firstSize : min((chunks.last?.size ?? firstSize) * 2, 65_536))
        guard let base = malloc(chunkSize) else {
            hasFailed = true
            return nil
        }
        chunks.append(Chunk(base: base, size: chunkSize))
        used = rounded
        return base
    }

    /// Takes everything back; keeps the first chunk for the next round.
    func reset() {
        guard !isEmpty || hasFailed else { return }
        release(keeping: 1)
        used = 0
        hasFailed = false
        holdsSecrets = false
    }

    /// A copy that lives until `reset`; an empty view when there is no memory.
    func copy(_ view: hl_view) -> hl_view {
        guard view.len > 0, let source = view.ptr, let place = allocate(view.bytes.count) else { return hl_view() }
        memcpy(place, source, view.bytes.count)
        return hl_view(UnsafeRawBufferPointer(start: place, count: view.bytes.count))
    }

    /// A copy of an array of views, and of what they point to.
    func copy(_ views: UnsafePointer<hl_view>?, count: UInt32) -> UnsafePointer<hl_view>? {
        guard count > 0, let views, let place = allocate(Int(count) * MemoryLayout<hl_view>.stride) else { return nil }
        let copies = place.bindMemory(to: hl_view.self, capacity: Int(count))
        for index in 0..<Int(count) { copies[index] = copy(views[index]) }
        return UnsafePointer(copies)
    }

    /// A copy of one struct; what it points to is not copied.
    func place<T: BitwiseCopyable>(_ value: T) -> UnsafeMutablePointer<T>? {
        guard let memory = allocate(MemoryLayout<T>.size) else { return nil }
        let pointer = memory.bindMemory(to: T.self, capacity: 1)
        pointer.initialize(to: value)
        return pointer
    }

    private func release(keeping kept: Int) {
        for chunk in chunks where wipes || holdsSecrets { explicit_bzero(chunk.base, chunk.size) }
        for chunk in chunks.dropFirst(kept) { free(chunk.base) }
        chunks.removeSubrange(min(kept, chunks.count)...)
    }
}
