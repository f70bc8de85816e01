/// Writes messages in protobuf's wire format: as much of it as OTLP needs.
///
/// Fields with the value that stands for absence (0, empty) are left out, as proto3 has it; where the difference
/// matters, ``optionalDouble(_:_:)`` and ``message(_:_:)`` write it all the same.
public struct ProtobufWriter: Sendable {
    /// What was written.
    public private(set) var bytes: [UInt8] = []

    private enum WireType: UInt64 {
        case varint = 0
        case fixed64 = 1
        case delimited = 2
        case fixed32 = 5
    }

    /// An empty message.
    public init() {}

    /// `uint32`, `uint64`, `enum`.
    public mutating func unsigned(_ field: Int, _ value: UInt64) {
        guard value != 0 else { return }
        tag(field, .varint)
        varint(value)
    }

    /// `bool`
    public mutating func boolean(_ field: Int, _ value: Bool) { unsigned(field, value ? 1 : 0) }

    /// `int64` of a `oneof`: written also when it is 0.
    public mutating func optionalInteger(_ field: Int, _ value: Int64) {
        tag(field, .varint)
        varint(UInt64(bitPattern: value))
    }

    /// `fixed64`
    public mutating func fixed64(_ field: Int, _ value: UInt64) {
        guard value != 0 else { return }
        tag(field, .fixed64)
        append(value)
    }

    /// `fixed32`
    public mutating func fixed32(_ field: Int, _ value: UInt32) {
        guard value != 0 else { return }
        tag(field, .fixed32)
        withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }

    /// `optional double`, or one of a `oneof`.
    public mutating func optionalDouble(_ field: Int, _ value: Double) {
        tag(field, .fixed64)
        append(value.bitPattern)
    }

    /// `string`
    public mutating func text(_ field: Int, _ value: String) {
        guard !value.isEmpty else { return }
        optionalText(field, value)
    }

    /// `string` of a `oneof`: written also when it is empty.
    public mutating func optionalText(_ field: Int, _ value: String) {
        tag(field, .delimited)
        varint(UInt64(value.utf8.count))
        bytes += value.utf8
    }

    /// `bytes`
    public mutating func data(_ field: Int, _ value: [UInt8]) {
        guard !value.isEmpty else { return }
        tag(field, .delimited)
        varint(UInt64(value.count))
        bytes += value
    }

    /// `repeated fixed64`, packed.
    public mutating func packedFixed64(_ field: Int, _ values: [UInt64]) {
        guard !values.isEmpty else { return }
        tag(field, .delimited)
        varint(UInt64(values.count * 8))
        for value in values { append(value) }
    }

    /// `repeated double`, packed.
    public mutating func packedDouble(_ field: Int, _ values: [Double]) {
        packedFixed64(field, values.map(\.bitPattern))
    }

    /// A message within this one; written also when it is empty.
    public mutating func message(_ field: Int, _ body: (inout ProtobufWriter) -> Void) {
        var inner = ProtobufWriter()
        body(&inner)
        tag(field, .delimited)
        varint(UInt64(inner.bytes.count))
        bytes += inner.bytes
    }

    private mutating func tag(_ field: Int, _ type: WireType) {
        precondition((1...0x1FFF_FFFF).contains(field), "a field number of protobuf")
        varint(UInt64(field) << 3 | type.rawValue)
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private mutating func append(_ value: UInt64) {
        withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }
}
