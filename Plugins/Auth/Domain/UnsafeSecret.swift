internal import Glibc

/// Bytes that nobody may see longer than needed: copied once to a place that does not move, and overwritten when the
/// last holder lets go. Any thread.
///
/// @unchecked Sendable: the bytes are written before anybody else has the object, and after everybody has let go.
final class Secret: @unchecked Sendable {
    private let bytes: UnsafeMutableBufferPointer<UInt8>

    /// A copy.
    init(_ bytes: Span<UInt8>) {
        self.bytes = .allocate(capacity: bytes.count)
        bytes.withUnsafeBufferPointer { _ = self.bytes.initialize(from: $0) }
    }

    /// A copy; the array is overwritten.
    init(taking bytes: inout [UInt8]) {
        self.bytes = .allocate(capacity: bytes.count)
        _ = self.bytes.initialize(from: bytes)
        bytes.withUnsafeMutableBytes { if let base = $0.baseAddress { explicit_bzero(base, $0.count) } }
        bytes = []
    }

    deinit {
        if let base = bytes.baseAddress { explicit_bzero(base, bytes.count) }
        bytes.deallocate()
    }

    var count: Int { bytes.count }

    /// Lends the bytes; they stay where they are as long as the object lives.
    func read<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        body(UnsafeBufferPointer(bytes).span)
    }

    /// For C: valid as long as the object lives.
    var start: UnsafePointer<UInt8>? { UnsafePointer(bytes.baseAddress) }
}
