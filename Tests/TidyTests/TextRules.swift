/// Rules about words and names.
enum TextRules {
    // Written in two halves, so that this file does not break the rules it states.
    static let leftovers = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]
    static let machinePaths = ["/ro" + "ot/", "/wo" + "rk/", "/ho" + "me/", "/Us" + "ers/", "/opt/sw" + "ift"]
    static let bannedNames: Set<String> = [
        "util", "utils", "utilities", "common", "helper", "helpers", "misc", "shared", "stuff", "base",
    ]

    static func leftoverMarkers(_ file: SourceFile) -> [Violation] {
        guard leftovers.contains(where: file.mentions) else { return [] }
        return file.lines.enumerated().flatMap { index, line in
            words(of: line).filter { leftovers.contains($0) }.map {
                Violation(path: file.path, line: index + 1, message: "'\($0)': finish it or write down why not")
            }
        }
    }

    /// A path that exists on one person's machine only.
    static func absoluteMachinePaths(_ file: SourceFile) -> [Violation] {
        guard machinePaths.contains(where: file.mentions) else { return [] }
        return file.lines.enumerated().flatMap { index, line in
            machinePaths.filter { begins($0, in: line) }.map {
                Violation(path: file.path, line: index + 1, message: "a path of one machine: \($0)...")
            }
        }
    }

    /// Such names collect what nobody placed.
    static func bannedFolderNames(_ file: SourceFile) -> [Violation] {
        guard !file.path.hasPrefix(".") else { return [] }
        let parts = file.path.split(separator: "/").map { part in
            part.split(separator: ".").first.map { $0.lowercased() } ?? ""
        }
        return parts.filter(bannedNames.contains).map {
            Violation(
                path: file.path, line: 1, message: "'\($0)' says nothing; put code with its user or name the concept")
        }
    }

    /// A file on the hot path says so in its first line, together with its budget.
    static func hotPathHeader(_ file: SourceFile) -> [Violation] {
        guard file.isSwift, !file.path.hasPrefix("Tests/") else { return [] }
        let mark = "// HOT PATH:"
        guard file.mentions(mark) else { return [] }
        return file.lines.enumerated().compactMap { index, line in
            guard let range = line.firstRange(of: mark) else { return nil }
            if index > 0 { return Violation(path: file.path, line: index + 1, message: "'\(mark)' belongs in line 1") }
            let budget = line[range.upperBound...].drop { $0 == " " }
            return budget.count >= 10
                ? nil : Violation(path: file.path, line: 1, message: "'\(mark)' names no budget")
        }
    }

    /// ThreadSanitizer takes every use of the standard library's lock for a race.
    static func uninstrumentedLock(_ file: SourceFile) -> [Violation] {
        guard file.isSwift else { return [] }
        return CodeMask.lines(of: file.text).enumerated().compactMap { index, line in
            guard line.contains("Mu" + "tex<") || line.contains(" Mu" + "tex(") else { return nil }
            return Violation(path: file.path, line: index + 1, message: "use Locked: ThreadSanitizer understands it")
        }
    }

    private static func words(of line: Substring) -> [String] {
        line.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
    }

    /// Whether `path` stands in `line` as the beginning of an absolute path, not inside a longer one or a URL.
    private static func begins(_ path: String, in line: Substring) -> Bool {
        guard let range = line.firstRange(of: path) else { return false }
        guard range.lowerBound > line.startIndex else { return true }
        let before = line[line.index(before: range.lowerBound)]
        return !(before.isLetter || before.isNumber || "_.-/}".contains(before))
    }
}
