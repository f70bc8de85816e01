/// Where a message or a request stands in a distributed trace: W3C Trace Context, level 1 and 2, `traceparent`.
public struct TraceContext: Sendable, Equatable {
    /// The trace, 16 bytes, big-endian; never all zero.
    public var traceHigh, traceLow: UInt64
    /// The span that is the parent of what comes next; never 0.
    public var spanID: UInt64
    /// `trace-flags`: bit 0 says that the trace is recorded, bit 1 that its id is random. Others mean nothing yet and
    /// are not handed on.
    public var flags: UInt8

    /// Bytes of a `traceparent` of version 00.
    public static let length = 55
    /// Bits of `flags` that are handed on.
    private static let knownFlags: UInt8 = 3

    /// A context of its parts.
    public init(traceHigh: UInt64, traceLow: UInt64, spanID: UInt64, flags: UInt8 = 1) {
        self.traceHigh = traceHigh
        self.traceLow = traceLow
        self.spanID = spanID
        self.flags = flags
    }

    /// Whether whoever began the trace records it.
    public var isSampled: Bool { flags & 1 != 0 }

    /// The same trace seen from another span.
    public func with(span: UInt64) -> TraceContext {
        TraceContext(traceHigh: traceHigh, traceLow: traceLow, spanID: span, flags: flags)
    }

    /// Reads a `traceparent`; nil when it is not valid (W3C Trace Context, section 3.2.2). A version we do not know is
    /// read as far as we do.
    public init?(_ text: UnsafeRawBufferPointer) {
        guard text.count >= Self.length, text[2] == Self.dash, text[35] == Self.dash, text[52] == Self.dash,
            let version = Self.number(text, 0, 2), version != 0xFF,
            version == 0 ? text.count == Self.length : text.count == Self.length || text[55] == Self.dash,
            let high = Self.number(text, 3, 16), let low = Self.number(text, 19, 16), high | low != 0,
            let span = Self.number(text, 36, 16), span != 0, let flags = Self.number(text, 53, 2)
        else { return nil }
        traceHigh = high
        traceLow = low
        spanID = span
        self.flags = UInt8(truncatingIfNeeded: flags) & Self.knownFlags
    }

    /// Writes the `traceparent`, ``length`` bytes, as version 00.
    public func write(to place: UnsafeMutablePointer<UInt8>) {
        Self.write(0, digits: 2, to: place)
        place[2] = Self.dash
        Self.write(traceHigh, digits: 16, to: place + 3)
        Self.write(traceLow, digits: 16, to: place + 19)
        place[35] = Self.dash
        Self.write(spanID, digits: 16, to: place + 36)
        place[52] = Self.dash
        Self.write(UInt64(flags), digits: 2, to: place + 53)
    }

    /// The `traceparent`.
    public var traceparent: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Self.length) { room, count in
            if let base = room.baseAddress { write(to: base) }
            count = Self.length
        }
    }

    private static let dash = UInt8(ascii: "-")

    /// A number of lower-case hexadecimal digits: upper case is not valid.
    private static func number(_ text: UnsafeRawBufferPointer, _ start: Int, _ count: Int) -> UInt64? {
        var value: UInt64 = 0
        for index in start..<start + count {
            guard let digit = digit(text[index]) else { return nil }
            value = value << 4 | UInt64(digit)
        }
        return value
    }

    /// The value of a lower-case hexadecimal digit.
    static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    private static func write(_ value: UInt64, digits: Int, to place: UnsafeMutablePointer<UInt8>) {
        for index in 0..<digits {
            let digit = UInt8(truncatingIfNeeded: value >> UInt64(4 * (digits - 1 - index))) & 15
            place[index] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
        }
    }
}
