import Glibc
import StoreAccess

/// One part of the check in a process of its own: a store that crashes takes nothing else with it, and the power of a
/// process can be cut.
struct ChildProcess {
    /// How it ended.
    enum End: Equatable {
        case exit(Int32)
        case signal(Int32)
    }

    let end: End
    /// What it wrote to standard output.
    let output: [UInt8]

    var text: String { String(decoding: output, as: UTF8.self) }

    /// Runs this program again and waits for it.
    /// - Parameters:
    ///   - environment: beside what this process has.
    ///   - killAfter: bytes of output after which it is killed; nil: never.
    init(_ arguments: [String], environment: [String: String] = [:], killAfter: Int? = nil) throws {
        var pipes: [Int32] = [-1, -1]
        guard pipe(&pipes) == 0 else { throw BrokenRule(words: "the system gives no pipe") }
        let (reading, writing) = (pipes[0], pipes[1])
        for descriptor in pipes { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        let process = try Self.start(arguments, environment, writing)
        close(writing)
        defer { close(reading) }
        var collected: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(reading, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            collected += chunk.prefix(count)
            if let killAfter, collected.count >= killAfter { kill(process, SIGKILL) }
        }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 && errno == EINTR {}
        end = status & 0x7f == 0 ? .exit((status >> 8) & 0xff) : .signal(status & 0x7f)
        output = collected
    }

    private static func start(
        _ arguments: [String], _ environment: [String: String], _ output: Int32
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        let program = try Self.program()
        var variables: [String] = []
        var entry = environ
        while let text = entry.pointee {
            let variable = String(cString: text)
            if !environment.keys.contains(where: { variable.hasPrefix($0 + "=") }) { variables.append(variable) }
            entry += 1
        }
        variables += environment.map { "\($0.key)=\($0.value)" }
        var process: pid_t = 0
        let code = withStrings([program] + arguments) { argv in
            withStrings(variables) { envp in posix_spawn(&process, program, &actions, nil, argv, envp) }
        }
        guard code == 0 else { throw BrokenRule(words: "cannot start \(program): \(String(cString: strerror(code)))") }
        return process
    }

    private static func withStrings<Result>(
        _ texts: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var pointers: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) } + [nil]
        defer { for case let pointer? in pointers { free(pointer) } }
        return pointers.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { preconditionFailure("the list has its end at least") }
            return body(base)
        }
    }

    /// This program's file.
    static func program() throws -> String {
        var path = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = path.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return -1 }
            return readlink("/proc/self/exe", base, bytes.count)
        }
        guard count > 0 else { throw BrokenRule(words: "cannot find this program's file") }
        return String(decoding: path.prefix(count), as: UTF8.self)
    }
}
