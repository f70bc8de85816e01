import ArgumentParser
import Glibc
import StoreCheck
import StoreAccess

/// `hookline plugins check-store`
struct CheckStoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-store", abstract: "Hold a plugin that offers store/1 against its rules.",
        discussion: "Runs the plugin in processes of its own: what it answers, what is left when the power fails at "
            + "any flush, and when the process is killed. Exit code 1 when a rule is broken.")

    @Argument(help: "The shared object.")
    var file: String
    @Option(help: "A setting of the plugin, NAME=VALUE; may be repeated.") var set: [String] = []
    @Option(help: "Workloads whose power is cut at every flush.") var seeds: UInt64 = 3
    @Option(help: "The first of them.") var firstSeed: UInt64 = 1
    @Option(help: "Where folders are made for a while.") var scratch = "/var/tmp"

    @Option(help: .hidden) var part: String?
    @Option(help: .hidden) var folder = ""
    @Option(help: .hidden) var index = 0
    @Option(help: .hidden) var seed: UInt64 = 0

    func run() throws {
        var check = StoreCheck(
            plugin: file, scratch: "\(scratch)/hookline-check-\(getpid())",
            childArguments: ["plugins", "check-store"], print: Self.say)
        for setting in set {
            let parts = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw ValidationError("--set is NAME=VALUE, not '\(setting)'") }
            check.settings[String(parts[0])] = String(parts[1])
        }
        (check.seeds, check.firstSeed) = (seeds, firstSeed)
        if let part {
            var work = StoreCheck.Part(name: part, folder: folder)
            (work.index, work.seed) = (index, seed)
            throw ExitCode(check.runPart(work))
        }
        check.powerLibrary = Self.powerLibrary()
        do {
            guard try check.run() else { throw ExitCode(ToolExit.failure) }
        } catch let error as StoreError {
            throw end(ToolExit.failure, error.description)
        }
    }

    /// At once, also into a pipe: the check takes minutes, and its parts are read while they run.
    private static let say: @Sendable (String) -> Void = { line in
        let bytes = Array((line + "\n").utf8)
        _ = write(STDOUT_FILENO, bytes, bytes.count)
    }

    /// Beside this tool.
    private static func powerLibrary() -> String? {
        guard let path = HostProgram.folder().map({ $0 + "/libpower-loss.so" }) else { return nil }
        return access(path, R_OK) == 0 ? path : nil
    }
}
