/// Collects the bytes of packets. Fields whose length is not known before they are written are measured afterwards.
public struct ByteWriter: Sendable {
    /// What has been written so far.
    public private(set) var bytes: [UInt8]

    /// An empty writer with room for `capacity` bytes.
    public init(capacity: Int = 64) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// Forgets what was written and keeps the memory.
    public mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
    }

    mutating func write(_ byte: UInt8) {
        bytes.append(byte)
    }

    mutating func write(_ value: UInt16) {
        bytes.append(UInt8(truncatingIfNeeded: value >> 8))
        bytes.append(UInt8(truncatingIfNeeded: value))
    }

    mutating func write(_ value: UInt32) {
        write(UInt16(truncatingIfNeeded: value >> 16))
        write(UInt16(truncatingIfNeeded: value))
    }

    mutating func writeRaw(_ content: [UInt8]) {
        bytes.append(contentsOf: content)
    }

    /// A UTF-8 Encoded String or Binary Data: length prefix and content, which has 65,535 bytes at most: more is a
    /// programmer error that stops the program.
    mutating func writePrefixed(_ content: [UInt8]) {
        precondition(content.count <= 0xFFFF)
        write(UInt16(truncatingIfNeeded: content.count))
        bytes.append(contentsOf: content)
    }

    /// A Variable Byte Integer is 0 to 268,435,455: another value is a programmer error that stops the program.
    mutating func writeVariableByteInteger(_ value: Int) {
        precondition((0...VariableByteInteger.maximum).contains(value))
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// Writes a packet: the first byte, the Remaining Length, and what `body` writes.
    mutating func writePacket(_ firstByte: UInt8, _ body: (inout ByteWriter) -> Void) {
        write(firstByte)
        writeMeasured(body)
    }

    /// Writes what `body` writes with its length as a Variable Byte Integer before it. Lengths below 128 are put in
    /// place; for longer content, which is rare here, the bytes move up to make room.
    mutating func writeMeasured(_ body: (inout ByteWriter) -> Void) {
        let start = bytes.count
        bytes.append(0)
        body(&self)
        let length = bytes.count - start - 1
        if length < 0x80 {
            bytes[start] = UInt8(truncatingIfNeeded: length)
        } else {
            var prefix = ByteWriter(capacity: 4)
            prefix.writeVariableByteInteger(length)
            bytes.replaceSubrange(start...start, with: prefix.bytes)
        }
    }
}
