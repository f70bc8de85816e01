import Foundation

/// Runs tools of the system for tests about files.
enum Shell {
    struct Result {
        let status: Int32
        let output: String
    }

    /// The root of the repository.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    static var headers: String { root + "/Sources/PluginABI/include" }

    /// Runs a command line through /bin/sh; standard error is part of the output.
    static func run(_ command: String) throws -> Result {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", command]
        process.currentDirectoryURL = URL(filePath: root)
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return Result(status: process.terminationStatus, output: output)
    }

    /// Those of the names that are installed.
    static func installed(_ names: [String]) -> [String] {
        names.filter { (try? run("command -v \($0)"))?.status == 0 }
    }

    /// A folder of its own, removed with the object.
    final class TemporaryFolder {
        let path: String

        init() throws {
            path = NSTemporaryDirectory() + "hookline-abi-" + UUID().uuidString
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }
    }
}
