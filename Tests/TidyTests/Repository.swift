import Foundation
import Glibc

/// A file of the repository, as the rules see it.
struct SourceFile {
    /// Path relative to the root of the repository, with `/`.
    let path: String
    let text: String

    /// Whether `words` stand anywhere in the file: a quick look before a rule goes through the lines.
    func mentions(_ words: String) -> Bool {
        text.withCString { text in words.withCString { words in strstr(text, words) != nil } }
    }

    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
    var name: Substring { path.split(separator: "/").last ?? "" }
    var kind: Substring { name.contains(".") ? name.split(separator: ".").last ?? "" : "" }
    var isSwift: Bool { kind == "swift" }
    var isC: Bool { kind == "c" || kind == "h" }
    /// What is written by hand and read by people, prose excluded.
    var isCode: Bool { isSwift || isC || kind == "py" || kind == "sh" || path == "Makefile" || path == ".ci/run" }
}

/// One broken rule at one place.
struct Violation: CustomStringConvertible, Equatable {
    let path: String
    let line: Int
    let message: String

    var description: String { "\(path):\(line): \(message)" }
}

/// The checkout this test was compiled from.
enum Repository {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Every text file of the checkout, without build products and what tools leave behind.
    static func files() throws -> [SourceFile] { try allFiles.get() }

    private static let allFiles = Result { try readFiles() }

    private static func readFiles() throws -> [SourceFile] {
        let manager = FileManager.default
        var found: [SourceFile] = []
        var folders = [""]
        while let folder = folders.popLast() {
            for name in try manager.contentsOfDirectory(atPath: root.appendingPathComponent(folder).path).sorted() {
                let path = folder.isEmpty ? name : "\(folder)/\(name)"
                let url = root.appendingPathComponent(path)
                var isFolder: ObjCBool = false
                guard manager.fileExists(atPath: url.path, isDirectory: &isFolder), !isLeftBehind(name) else {
                    continue
                }
                if isFolder.boolValue {
                    folders.append(path)
                } else if let text = try? String(contentsOf: url, encoding: .utf8) {
                    found.append(SourceFile(path: path, text: text))
                }
            }
        }
        return found
    }

    private static func isLeftBehind(_ name: String) -> Bool {
        name == ".git" || name == ".venv" || name.hasPrefix(".build") || name == "__pycache__"
            || name == ".pytest_cache" || name == ".swiftpm" || name == "data" || name == "dist" || name == "bench-out"
            || name == ".idea" || name == ".vscode" || name == ".hypothesis"
    }
}
