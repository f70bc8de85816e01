import Configuration

/// Cuts the bytes of one control connection into lines.
struct ControlLines {
    /// A line that is longer than ``ControlRequest/maxLineBytes``.
    struct TooLong: Error, Equatable {}

    private var rest: [UInt8] = []

    /// Takes bytes and returns the lines they complete, without their ends.
    mutating func adding(_ bytes: UnsafeRawBufferPointer) throws(TooLong) -> [[UInt8]] {
        rest += bytes
        var lines: [[UInt8]] = []
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            lines.append(Array(rest[..<end]))
            rest.removeSubrange(...end)
        }
        guard rest.count <= ControlRequest.maxLineBytes,
            !lines.contains(where: { $0.count > ControlRequest.maxLineBytes })
        else { throw TooLong() }
        return lines
    }
}
