import ArgumentParser
import Configuration
@preconcurrency import Glibc
import PluginFile

/// `hookline plugins validate`
struct ValidatePluginCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate", abstract: "Try a plugin's file: load it, start it, call its hooks, stop it.",
        discussion: "In a process of its own, which is the trial that a running broker makes before it takes up new "
            + "code. Exit code 78 when the file is refused, with the step and the reason.")

    @Argument(help: "The shared object.")
    var file: String

    @Option(name: .long, help: "Its settings, as under config of plugins.yaml: '{ level: 3 }'.")
    var settings = "{}"

    func run() throws {
        let bytes = try WholeFile.read(file)
        let found: ELFFile
        do throws(ELFFile.Problem) {
            found = try ELFFile(bytes)
        } catch {
            throw end(ToolExit.badConfiguration, "\(file) \(error.words)")
        }
        guard let path = realpath(file, nil).map({ String(cString: $0) }) else {
            throw end(ToolExit.failure, "\(file): \(String(cString: strerror(errno)))")
        }
        let trial = try Trial(configuration: "plugins: [ { id: plugin, path: \"\(path)\", config: \(settings) } ]\n")
        let (code, lines) = try trial.run(["--ephemeral", "--preflight", "plugin=start:\(path)"])
        let steps = lines.filter { $0.hasPrefix("@") }.map { $0.dropFirst() }
        guard code == 0 else {
            let reasons = lines.filter { !$0.hasPrefix("@") }
            let step = steps.last.map(String.init) ?? "loading"
            let words = reasons.isEmpty ? ["it ended the process (\(code)) in \(step)"] : reasons
            throw end(ToolExit.badConfiguration, words.map { "\(file): \($0)" }.joined(separator: "\n"))
        }
        let name = found.note.map { "\($0.id) \($0.version)" } ?? "no note, so only running it told what it is"
        print("\(file): ok (\(name)); \(steps.joined(separator: ", "))")
    }
}

/// A run of the host that reads a configuration from standard input and ends by itself.
private struct Trial {
    /// Seconds until a host that does not end is killed.
    private static let patience: UInt32 = 60
    private let input: String

    init(configuration: String) throws {
        var template = Array("/tmp/hookline-validate-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw end(ToolExit.failure, "/tmp: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        let bytes = Array(configuration.utf8)
        input = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard write(descriptor, bytes, bytes.count) == bytes.count else {
            throw end(ToolExit.failure, "\(input): \(String(cString: strerror(errno)))")
        }
    }

    /// The exit code, or 128 and the number of the signal, and the lines on standard error.
    func run(_ arguments: [String]) throws -> (code: Int32, lines: [String]) {
        defer { unlink(input) }
        guard let host = HostProgram.path() else { throw end(ToolExit.failure, HostProgram.notFound) }
        var pipe: [Int32] = [-1, -1]
        guard Glibc.pipe(&pipe) == 0 else { throw end(ToolExit.failure, String(cString: strerror(errno))) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, pipe[1], 2)
        posix_spawn_file_actions_addclose(&actions, pipe[0])
        posix_spawn_file_actions_addclose(&actions, pipe[1])
        let words: [UnsafeMutablePointer<CChar>?] = (["hookline-host"] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var child = pid_t()
        let failure = posix_spawn(&child, host, &actions, nil, words, environ)
        close(pipe[1])
        guard failure == 0 else { throw end(ToolExit.failure, "\(host): \(String(cString: strerror(failure)))") }
        let lines = Self.lines(pipe[0], child)
        close(pipe[0])
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7f
        return (signal == 0 ? (status >> 8) & 0xff : 128 + signal, lines)
    }

    /// What the child says until it ends; one that takes too long is killed.
    private static func lines(_ descriptor: Int32, _ child: pid_t) -> [String] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        let deadline = time(nil) + time_t(patience)
        while true {
            var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            if poll(&wanted, 1, 1_000) == 0, time(nil) >= deadline { kill(child, SIGKILL) }
            guard wanted.revents != 0 else { continue }
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0, bytes.count < 1 << 20 else { break }
            bytes += chunk.prefix(count)
        }
        return bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    }
}
