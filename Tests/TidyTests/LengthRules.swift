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
        var found: [(first: Int, last: Int)] = []
        var depth = 0
        var headLine: Int?
        var open: [(depth: Int, line: Int)] = []
        var last = UInt8(ascii: " ")
        for (index, line) in CodeMask.lines(of: file.text).enumerated() {
            if file.isSwift, isFunctionHead(line) { headLine = index + 1 }
            for byte in line.utf8 where byte != UInt8(ascii: " ") {
                if byte == UInt8(ascii: "{") {
                    if file.isC, depth == 0, last == UInt8(ascii: ")") { headLine = index + 1 }
                    if let head = headLine {
                        open.append((depth, head))
                        headLine = nil
                    }
                    depth += 1
                } else if byte == UInt8(ascii: "}") {
                    depth -= 1
                    // A requirement of a protocol has no body.
                    headLine = nil
                    if let function = open.last, function.depth == depth {
                        open.removeLast()
                        found.append((function.line, index + 1))
                    }
                }
                last = byte
            }
        }
        return found
    }

    private static func isFunctionHead(_ line: String) -> Bool {
        guard line.contains("func") || line.contains("init") || line.contains("subscript") else { return false }
        // `self.init(` and `.init(` are calls.
        return line.contains(/(^|\s)(func\s|init[?!]?[(<]|deinit\b|subscript[(<])/)
    }
}
