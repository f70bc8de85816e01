/// Source text with comments and string literals blanked out, line by line as long as before, so that a rule about code
/// is not fooled by what is written in prose. Knows Swift and C; string interpolation is blanked with its literal.
struct CodeMask {
    private enum Mode {
        case code
        case lineComment
        case blockComment
        case string(terminator: StaticString)
    }

    private var bytes: [UInt8]

    /// The lines of `text` with everything that is not code replaced by spaces, one for each byte.
    static func lines(of text: String) -> [String] {
        var mask = CodeMask(bytes: Array(text.utf8))
        mask.run()
        return mask.bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private mutating func run() {
        var mode = Mode.code
        var position = 0
        while position < bytes.count {
            let byte = bytes[position]
            switch mode {
            case .code:
                let (next, length) = opening(at: position, byte)
                mode = next
                position += length
                continue
            case .lineComment:
                if byte == UInt8(ascii: "\n") { mode = .code }
            case .blockComment:
                if byte == UInt8(ascii: "*"), matches("*/", at: position) { mode = .code }
            case .string(let terminator):
                if byte == UInt8(ascii: "\\"), terminator.utf8CodeUnitCount != 2 {
                    blank(position)
                    position += 1
                } else if matches(terminator, at: position) || (byte == UInt8(ascii: "\n") && isShort(terminator)) {
                    mode = .code
                    position += terminator.utf8CodeUnitCount
                    continue
                }
            }
            if position < bytes.count { blank(position) }
            position += 1
        }
    }

    /// What begins at `position` in code, and how many bytes stay as they are.
    private func opening(at position: Int, _ byte: UInt8) -> (Mode, length: Int) {
        switch byte {
        case UInt8(ascii: "/") where matches("//", at: position): (.lineComment, 2)
        case UInt8(ascii: "/") where matches("/*", at: position): (.blockComment, 2)
        case UInt8(ascii: "\"") where matches("\"\"\"", at: position): (.string(terminator: "\"\"\""), 3)
        case UInt8(ascii: "#") where matches("#\"", at: position): (.string(terminator: "\"#"), 2)
        case UInt8(ascii: "\""): (.string(terminator: "\""), 1)
        case UInt8(ascii: "'"): (.string(terminator: "'"), 1)
        default: (.code, 1)
        }
    }

    /// Whether a literal with this terminator ends with its line at the latest.
    private func isShort(_ terminator: StaticString) -> Bool { terminator.utf8CodeUnitCount == 1 }

    private func matches(_ text: StaticString, at position: Int) -> Bool {
        let count = text.utf8CodeUnitCount
        guard position + count <= bytes.count else { return false }
        for offset in 0..<count where bytes[position + offset] != text.utf8Start[offset] { return false }
        return true
    }

    private mutating func blank(_ position: Int) {
        if bytes[position] != UInt8(ascii: "\n") { bytes[position] = UInt8(ascii: " ") }
    }
}
