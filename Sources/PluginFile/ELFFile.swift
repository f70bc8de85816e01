import PluginABI

/// What a shared object says about itself without being run: the ELF header and the note `.note.hookline`.
public struct ELFFile: Sendable {
    /// Why the file is no plugin for this machine, as the end of a sentence.
    public struct Problem: Error {
        /// Such as `is built for another processor (ELF machine 40); rebuild it here`.
        public let words: String
    }

    /// The Hookline note; nil for plugins without one.
    public let note: Note?
    /// The settings it declares; nil: that cannot be told without running it.
    public let settings: [Setting]?
    /// Whether it exports the entry of a plugin; nil when that cannot be told without loading it.
    public let hasEntry: Bool?
    /// Bytes of the file, from its beginning, that the loader maps; what comes after is for debuggers.
    public let loadedBytes: Int

    /// `hl_note` of entry.h.
    public struct Note: Equatable, Sendable {
        /// Major version of the plugin interface it was built for.
        public var abiMajor: UInt32
        /// Lowest minor version it works with.
        public var abiMinorRequired: UInt32
        /// `HL_FREE` and its neighbours.
        public var flags: UInt32
        /// Ids of the hooks it asks for; empty: not declared.
        public var hooks: [UInt32]
        /// Reverse DNS.
        public var id: String
        /// Of the plugin.
        public var version: String
    }

    private static let sharedObject: UInt16 = 3
    private static let noteSegment: UInt32 = 4

    /// Reads the bytes of a file.
    public init(_ bytes: [UInt8]) throws(Problem) {
        let reader = Reader(bytes: bytes)
        guard bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]) else {
            throw Problem(words: "is not a shared object (no ELF header); build it with gcc -shared -fPIC")
        }
        guard bytes.count >= 64, bytes[4] == 2, bytes[5] == 1 else {
            throw Problem(words: "is not a 64-bit little-endian ELF file; build it for this machine")
        }
        guard reader.u16(16) == ELFFile.sharedObject else {
            throw Problem(words: "is an ELF file, but not a shared object; build it with gcc -shared -fPIC")
        }
        guard let machine = reader.u16(18), machine == ELFFile.thisMachine else {
            throw Problem(words: "is built for another processor (ELF machine \(reader.u16(18) ?? 0)); rebuild it here")
        }
        loadedBytes = try ELFFile.checkSafety(reader)
        let names = ELFFile.dynamicNames(reader)
        hasEntry = names.map { $0.contains(HL_PLUGIN_ENTRY_NAME) }
        note = ELFFile.findNote(reader)
        settings = ELFFile.findSettings(reader)
    }

    private static var thisMachine: UInt16 {
        #if arch(x86_64)
            62
        #elseif arch(arm64)
            183
        #else
            0
        #endif
    }

    private static func findNote(_ reader: Reader) -> Note? {
        guard let table = reader.u64(32), let size = reader.u16(54), let count = reader.u16(56) else { return nil }
        for index in 0..<Int(count) {
            guard let start = Int(exactly: table)?.addingReportingOverflow(index * Int(size)), !start.overflow,
                reader.u32(start.partialValue) == noteSegment,
                let offset = reader.u64(start.partialValue + 8).flatMap({ Int(exactly: $0) }),
                let length = reader.u64(start.partialValue + 32).flatMap({ Int(exactly: $0) }),
                // From here on sums of the two cannot overflow.
                offset <= reader.bytes.count, length <= reader.bytes.count - offset
            else { continue }
            if let note = findNote(reader, offset, length) { return note }
        }
        return nil
    }

    /// Walks the notes of one segment: name size, description size, type, name, description, each 4-byte aligned.
    private static func findNote(_ reader: Reader, _ offset: Int, _ length: Int) -> Note? {
        var position = offset
        while length >= 12, position <= offset + (length - 12) {
            guard let nameSize = reader.u32(position), let size = reader.u32(position + 4),
                let type = reader.u32(position + 8)
            else { return nil }
            let name = position + 12
            let description = name + (Int(nameSize) + 3) / 4 * 4
            if type == HL_NOTE_TYPE, reader.text(name, maximum: Int(nameSize)) == HL_NOTE_NAME, size >= 160 {
                guard let major = reader.u32(description + 4), let minor = reader.u32(description + 8),
                    let flags = reader.u32(description + 12), let id = reader.text(description + 32, maximum: 96),
                    let version = reader.text(description + 128, maximum: 32)
                else { return nil }
                var hooks: [UInt32] = []
                for word in 0..<4 {
                    let bits = reader.u32(description + 16 + 4 * word) ?? 0
                    hooks += (0..<32).filter { bits & 1 << $0 != 0 }.map { UInt32(32 * word) + $0 }
                }
                return Note(
                    abiMajor: major, abiMinorRequired: minor, flags: flags, hooks: hooks, id: id, version: version)
            }
            position = description + (Int(size) + 3) / 4 * 4
        }
        return nil
    }

    /// Little-endian numbers at checked offsets.
    struct Reader {
        let bytes: [UInt8]

        func u16(_ offset: Int) -> UInt16? { number(offset, 2).map { UInt16(truncatingIfNeeded: $0) } }
        func u32(_ offset: Int) -> UInt32? { number(offset, 4).map { UInt32(truncatingIfNeeded: $0) } }
        func u64(_ offset: Int) -> UInt64? { number(offset, 8) }

        func text(_ offset: Int, maximum: Int) -> String? {
            guard offset >= 0, maximum >= 0, offset <= bytes.count, maximum <= bytes.count - offset else { return nil }
            return String(decoding: bytes[offset..<offset + maximum].prefix { $0 != 0 }, as: UTF8.self)
        }

        /// As ``text(_:maximum:)`` for a text at the very end.
        func lastText(_ offset: Int) -> String? {
            guard offset >= 0, offset < bytes.count else { return nil }
            return text(offset, maximum: bytes.count - offset)
        }

        private func number(_ offset: Int, _ size: Int) -> UInt64? {
            guard offset >= 0, size <= bytes.count, offset <= bytes.count - size else { return nil }
            return (0..<size).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64($1 * 8) }
        }
    }
}
