import PluginABI

/// The settings that a plugin declares, found in its file without running it: the table `hl_key_table` in the section
/// `hookline_keys` (declare.h). Its pointers are only known after loading, so they are looked up among the relocations.
extension ELFFile {
    /// `hl_config_key` of config.h.
    public struct Setting: Equatable, Sendable {
        /// Key in `config`.
        public var name: String
        /// `HL_TEXT` and its neighbours, with `HL_REQUIRED`.
        public var type: UInt64
        /// As it would be typed; nil: none.
        public var defaultText: String?
        /// One line for people; may be empty.
        public var help: String

        /// A row of the table.
        public init(name: String, type: UInt64, defaultText: String?, help: String) {
            self.name = name
            self.type = type
            self.defaultText = defaultText
            self.help = help
        }
    }

    private static let relocationsWithAddend: UInt32 = 4
    private static let maximumSections = 65_536
    private static let maximumRelocations = 1 << 22
    private static let maximumSettings = 256
    private static let maximumText = 4_096

    /// One row of the section header table.
    private struct Section {
        var name: Int
        var type: UInt32
        var address: UInt64
        var offset: Int
        var size: Int
    }

    /// Where a part of the file lies in memory.
    private struct Region {
        var address: UInt64
        var offset: Int
        var size: Int
    }

    /// Nil: the file has no such table, or none that can be read.
    static func findSettings(_ reader: Reader) -> [Setting]? {
        guard let sections = sections(reader), let table = sections.first(where: { isKeyTable($0, reader) }),
            table.size >= 16, let stride = reader.u32(table.offset + 4).map({ Int($0) }), stride >= 32, stride <= 1_024
        else { return nil }
        let memory = LoadedImage(reader, regions(reader), relocations(reader, sections))
        guard let first = memory.pointer(at: table.address &+ 8) else { return [] }
        var settings: [Setting] = []
        for index in 0..<maximumSettings {
            let key = first &+ UInt64(index * stride)
            guard memory.offset(of: key) != nil else { return nil }
            guard let name = memory.pointer(at: key) else { return settings }
            guard let text = memory.text(at: name, maximum: maximumText),
                let type = memory.number(at: key &+ 8)
            else { return nil }
            settings.append(
                Setting(
                    name: text, type: type,
                    defaultText: memory.pointer(at: key &+ 16).flatMap { memory.text(at: $0, maximum: maximumText) },
                    help: memory.pointer(at: key &+ 24).flatMap { memory.text(at: $0, maximum: maximumText) } ?? ""))
        }
        return nil
    }

    private static func isKeyTable(_ section: Section, _ reader: Reader) -> Bool {
        let wanted = Array(HL_KEYS_SECTION.utf8) + [0]
        guard section.name <= reader.bytes.count - wanted.count else { return false }
        return reader.bytes[section.name..<section.name + wanted.count].elementsEqual(wanted)
    }

    private static func sections(_ reader: Reader) -> [Section]? {
        guard let table = reader.u64(40).flatMap({ Int(exactly: $0) }), table > 0, table <= Int.max / 4,
            let stride = reader.u16(58), let count = reader.u16(60), stride >= 64, Int(count) <= maximumSections,
            let names = reader.u16(62), names < count
        else { return nil }
        var sections: [Section] = []
        for index in 0..<Int(count) {
            let start = table + index * Int(stride)
            guard let name = reader.u32(start), let type = reader.u32(start + 4), let address = reader.u64(start + 16),
                let offset = reader.u64(start + 24).flatMap({ Int(exactly: $0) }),
                let size = reader.u64(start + 32).flatMap({ Int(exactly: $0) }), offset <= Int.max / 4,
                size <= Int.max / 4
            else { return nil }
            sections.append(Section(name: Int(name), type: type, address: address, offset: offset, size: size))
        }
        let texts = sections[Int(names)].offset
        for index in sections.indices { sections[index].name += texts }
        return sections
    }

    private static func regions(_ reader: Reader) -> [Region] {
        guard let table = reader.u64(32).flatMap({ Int(exactly: $0) }), table <= Int.max / 4,
            let stride = reader.u16(54), let count = reader.u16(56)
        else { return [] }
        return (0..<Int(count)).compactMap { index in
            let start = table + index * Int(stride)
            guard reader.u32(start) == 1, let offset = reader.u64(start + 8).flatMap({ Int(exactly: $0) }),
                let address = reader.u64(start + 16), let size = reader.u64(start + 32).flatMap({ Int(exactly: $0) }),
                offset <= Int.max / 4, size <= Int.max / 4
            else { return nil }
            return Region(address: address, offset: offset, size: size)
        }
    }

    /// Addends of the relocations that put an address of the image itself somewhere, by place.
    private static func relocations(_ reader: Reader, _ sections: [Section]) -> [UInt64: UInt64] {
        var addends: [UInt64: UInt64] = [:]
        var left = maximumRelocations
        for section in sections where section.type == relocationsWithAddend && section.address != 0 {
            guard section.size / 24 <= left else { continue }
            left -= section.size / 24
            for index in 0..<section.size / 24 {
                let start = section.offset + index * 24
                guard let place = reader.u64(start), let info = reader.u64(start + 8),
                    let addend = reader.u64(start + 16)
                else { break }
                // R_X86_64_RELATIVE and R_AARCH64_RELATIVE.
                if [8, 1_027].contains(UInt32(truncatingIfNeeded: info)) { addends[place] = addend }
            }
        }
        return addends
    }

    /// The file as it would lie in memory.
    private struct LoadedImage {
        let reader: Reader
        let regions: [Region]
        let relocations: [UInt64: UInt64]

        init(_ reader: Reader, _ regions: [Region], _ relocations: [UInt64: UInt64]) {
            self.reader = reader
            self.regions = regions
            self.relocations = relocations
        }

        func offset(of address: UInt64) -> Int? {
            for region in regions {
                guard address >= region.address, let distance = Int(exactly: address - region.address),
                    distance < region.size
                else { continue }
                return region.offset + distance
            }
            return nil
        }

        func number(at address: UInt64) -> UInt64? { offset(of: address).flatMap { reader.u64($0) } }

        /// Nil for a null pointer. Where the linker packs its relocations, the addend stands in the place itself.
        func pointer(at address: UInt64) -> UInt64? {
            let value = relocations[address] ?? number(at: address) ?? 0
            return value == 0 ? nil : value
        }

        func text(at address: UInt64, maximum: Int) -> String? {
            guard let start = offset(of: address) else { return nil }
            return reader.text(start, maximum: min(maximum, max(0, reader.bytes.count - start)))
        }
    }
}
