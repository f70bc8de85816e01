public import PluginABI

extension hl_view {
    /// The bytes, borrowed from whoever owns the view.
    @inline(__always)
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: ptr, count: Int(truncatingIfNeeded: len)) }

    /// A view of bytes that somebody else owns.
    @inline(__always)
    public init(_ bytes: UnsafeRawBufferPointer) {
        self.init(ptr: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), len: UInt64(bytes.count))
    }

    /// The bytes as text, repaired where they are not UTF-8.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// Structs of the ABI that a plugin fills: they begin with `struct_size`, which may be smaller than ours (an older
/// plugin) or larger (a newer one).
func readSized<T: BitwiseCopyable>(_ pointer: UnsafePointer<T>, zero: T) -> T? {
    let given = UnsafeRawPointer(pointer).load(as: UInt32.self)
    guard given >= 8 else { return nil }
    var value = zero
    withUnsafeMutableBytes(of: &value) { target in
        let count = min(Int(given), target.count)
        target.copyMemory(from: UnsafeRawBufferPointer(start: UnsafeRawPointer(pointer), count: count))
    }
    return value
}
