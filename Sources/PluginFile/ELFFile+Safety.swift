import PluginABI

/// What makes a shared object unfit to be mapped into a broker, found without mapping it.
extension ELFFile {
    private static let loadSegment: UInt32 = 1
    private static let dynamicSegment: UInt32 = 2
    private static let interpreterSegment: UInt32 = 3
    private static let stackSegment: UInt32 = 0x6474_E551
    private static let executable: UInt32 = 1
    private static let dynamicSymbols: UInt32 = 11
    private static let textRelocations: UInt64 = 22
    private static let flagsTag: UInt64 = 30
    private static let flagTextRelocations: UInt64 = 4
    private static let flagStaticTLS: UInt64 = 16
    private static let maximumSegments = 256
    private static let maximumSymbols = 1 << 20

    /// One row of the program header table.
    private struct Segment {
        var type: UInt32
        var flags: UInt32
        var offset: Int
        var size: Int
    }

    /// - Returns: where the last part that is mapped ends.
    /// - Throws: why the bytes must not be mapped: cut off, code that is written to, a stack that is executable,
    ///   thread-local variables in the static block.
    static func checkSafety(_ reader: Reader) throws(Problem) -> Int {
        var end = 0
        for segment in try segments(reader) {
            if segment.type == loadSegment { end = max(end, segment.offset + segment.size) }
            switch segment.type {
            case loadSegment where segment.offset > reader.bytes.count - segment.size:
                throw Problem(
                    words: "is not complete: \(reader.bytes.count) bytes of at least \(segment.offset + segment.size); "
                        + "was it still being written?")
            case stackSegment where segment.flags & executable != 0:
                throw Problem(
                    words: "asks for an executable stack, which would take that protection from the whole broker; "
                        + "link it with -Wl,-z,noexecstack")
            case dynamicSegment: try checkDynamic(reader, segment)
            case interpreterSegment: throw Problem(words: "is a program; build it with gcc -shared -fPIC")
            default: break
            }
        }
        return end
    }

    private static func segments(_ reader: Reader) throws(Problem) -> [Segment] {
        guard let table = reader.u64(32).flatMap({ Int(exactly: $0) }), let stride = reader.u16(54),
            let count = reader.u16(56), Int(count) <= maximumSegments, stride >= 56,
            table <= reader.bytes.count - Int(count) * Int(stride)
        else { throw Problem(words: "has no program headers that can be read; was it still being written?") }
        var segments: [Segment] = []
        for index in 0..<Int(count) {
            let start = table + index * Int(stride)
            guard let type = reader.u32(start), let flags = reader.u32(start + 4),
                let offset = reader.u64(start + 8).flatMap({ Int(exactly: $0) }),
                let size = reader.u64(start + 32).flatMap({ Int(exactly: $0) }), size <= Int.max / 4,
                offset <= Int.max / 4
            else { throw Problem(words: "has a program header with impossible numbers") }
            segments.append(Segment(type: type, flags: flags, offset: offset, size: size))
        }
        return segments
    }

    private static func checkDynamic(_ reader: Reader, _ segment: Segment) throws(Problem) {
        var position = segment.offset
        while position + 16 <= segment.offset + segment.size, let tag = reader.u64(position),
            let value = reader.u64(position + 8), tag != 0
        {
            if tag == textRelocations || tag == flagsTag && value & flagTextRelocations != 0 {
                throw Problem(words: "has text relocations: its code would be writable; compile it with -fPIC")
            }
            if tag == flagsTag, value & flagStaticTLS != 0 {
                throw Problem(
                    words: "wants its thread-local variables in the block that every thread has from its start, of "
                        + "which a running process has little left; compile it without -ftls-model=initial-exec")
            }
            position += 16
        }
    }

    /// Names of the dynamic symbols that are given; nil when the section headers are stripped.
    static func dynamicNames(_ reader: Reader) -> Set<String>? {
        guard let table = reader.u64(40).flatMap({ Int(exactly: $0) }), table > 0, let stride = reader.u16(58),
            let count = reader.u16(60), stride >= 64, Int(count) <= 65_536, table <= Int.max / 4
        else { return nil }
        func section(_ index: Int) -> Int? {
            index >= 0 && index < Int(count) ? table + index * Int(stride) : nil
        }
        for index in 0..<Int(count) {
            guard let start = section(index), reader.u32(start + 4) == dynamicSymbols else { continue }
            guard let offset = reader.u64(start + 24).flatMap({ Int(exactly: $0) }),
                let size = reader.u64(start + 32).flatMap({ Int(exactly: $0) }),
                let strings = reader.u32(start + 40).flatMap({ section(Int($0)) }),
                let texts = reader.u64(strings + 24).flatMap({ Int(exactly: $0) }),
                offset <= Int.max / 4, texts <= Int.max / 4, size / 24 <= maximumSymbols
            else { return nil }
            var names: Set<String> = []
            for symbol in 0..<(size / 24) {
                let place = offset + symbol * 24
                // Section index 0: wanted, not given.
                guard let name = reader.u32(place), let home = reader.u16(place + 6) else { return nil }
                guard home != 0 else { continue }
                if let text = reader.text(texts + Int(name), maximum: 64) ?? reader.lastText(texts + Int(name)) {
                    names.insert(text)
                }
            }
            return names
        }
        return nil
    }
}
