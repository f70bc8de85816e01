/// Files, functions and lines have a length at which a reader loses the thread.
enum LengthRules {
    static let fileLimit = 500
    static let functionLimit = 70
    static let columnLimit = 120

    static func fileLength(_ file: SourceFile) -> [Violation] {
        guard file.isCode else { return [] }
        let count = file.text.hasSuffix("\n") ? file.lines.count - 1 : file.lines.count
        guard count > fileLimit else { return [] }
        return [Violation(path: file.path, line: count, message: "\(count) lines; split it below \(fileLimit)")]
    }

    static func lineLength(_ file: SourceFile) -> [Violation] {
        guard file.isCode else { return [] }
        return file.lines.enumerated().compactMap { index, line in
            guard line.count > columnLimit else { return nil }
            return Violation(
                path: file.path, line: index + 1, message: "\(line.count) columns; the limit is \(columnLimit)")
        }
    }

    /// Swift: from the line of `func`, `init`, `deinit` or `subscript` to the closing brace of its body. C: every body
    /// that opens at the outermost level after a parameter list.
    static func functionLength(_ file: SourceFile) -> [Violation] {
        guard file.isSwift || file.isC else { return [] }
        return bodies(of: file).compactMap { first, last in
            let count = last - first + 1
            guard count > functionLimit else { return nil }
            return Violation(
                path: file.path, line: first,
                message: "function of \(count) lines; name its parts, the limit is \(functionLimit)")
        }
    }

    /// First and last line, counted from 1, of each function.
    private static func bodies(of file: SourceFile) -> [(first: Int, last: Int)] {
        let lines = CodeMask.lines(of: file.text)
        var found: [(first: Int, last: Int)] = []
        var depth = 0
        var headLine: Int?
        var open: [(depth: Int, line: Int)] = []
        var beforeBrace: Character = " "
        for (index, line) in lines.enumerated() {
            if file.isSwift, let head = line.firstMatch(of: /(^|\s)(func\s|init[?!]?[(<]|deinit\b|subscript[(<])/) {
                // `self.init(` and `.init(` are calls.
                if !line[..<head.range.lowerBound].hasSuffix(".") { headLine = index + 1 }
            }
            for character in line where character != " " {
                if character == "{" {
                    if file.isC, depth == 0, beforeBrace == ")" { headLine = index + 1 }
                    if let head = headLine {
                        open.append((depth, head))
                        headLine = nil
                    }
                    depth += 1
                } else if character == "}" {
                    depth -= 1
                    if let function = open.last, function.depth == depth {
                        open.removeLast()
                        found.append((function.line, index + 1))
                    }
                }
                beforeBrace = character
            }
        }
        return found
    }
}
