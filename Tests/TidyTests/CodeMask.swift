/// Source text with comments and string literals blanked out, line by line as long as before, so that a rule about code
/// is not fooled by what is written in prose. Knows Swift and C; string interpolation is blanked with its literal.
struct CodeMask {
    private var characters: [Character]
    private var position = 0

    /// The lines of `text` with everything that is not code replaced by spaces.
    static func lines(of text: String) -> [String] {
        var mask = CodeMask(characters: Array(text))
        mask.run()
        return String(mask.characters).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    private init(characters: [Character]) {
        self.characters = characters
    }

    private mutating func run() {
        while position < characters.count {
            if starts(with: "//") {
                blank { $0.starts(with: "\n") }
            } else if starts(with: "/*") {
                blank(past: 2) { $0.starts(with: "*/") }
            } else if starts(with: "\"\"\"") {
                blank(past: 3) { $0.starts(with: "\"\"\"") }
            } else if starts(with: "#\"") {
                blank(past: 2) { $0.starts(with: "\"#") }
            } else if starts(with: "\"") {
                blank(past: 1) { $0.starts(with: "\"") || $0.starts(with: "\n") }
            } else if starts(with: "'{'") || starts(with: "'}'") || starts(with: "'\"'") {
                blank(past: 2) { $0.starts(with: "'") }
            } else {
                position += 1
            }
        }
    }

    private func starts(with prefix: String) -> Bool {
        let prefix = Array(prefix)
        return position + prefix.count <= characters.count
            && characters[position..<position + prefix.count].elementsEqual(prefix)
    }

    /// Blanks from here until `end` holds; the delimiters themselves stay, they are harmless.
    private mutating func blank(past opening: Int = 0, until end: (CodeMask) -> Bool) {
        position = min(position + opening, characters.count)
        while position < characters.count, !end(self) {
            // An escape hides the character after it from the search for the end.
            let escaped = characters[position] == "\\" && opening > 0
            for _ in 0..<(escaped ? 2 : 1) where position < characters.count {
                if characters[position] != "\n" { characters[position] = " " }
                position += 1
            }
        }
        position = min(position + opening, characters.count)
    }
}
