import CSystem
import Glibc

/// A process that this one has started and waits for.
struct ChildProcess {
    /// How it ended.
    enum End: Equatable {
        case exited(Int32)
        case signal(Int32)
        /// By us, because it was too late.
        case killed
    }

    private let process: pid_t
    /// Readable when it has ended.
    private let ended: Int32

    /// Starts a program in a process group of its own, with nothing open but these. Nil when that fails.
    /// - Parameters:
    ///   - words: the name it sees itself under, then its arguments.
    ///   - input: a file it reads as standard input.
    ///   - output: becomes standard error; standard output is nowhere.
    static func start(_ program: String, _ words: [String], input: String, output: Int32) -> ChildProcess? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        var process = pid_t()
        guard posix_spawn(&process, program, &actions, &attributes, arguments, environ) == 0 else { return nil }
        let ended = csystem_watch_process(process)
        let child = ChildProcess(process: process, ended: ended)
        guard ended >= 0 else {
            child.kill()
            _ = child.reap()
            return nil
        }
        return child
    }

    /// Waits for the end; at the deadline (monotonic nanoseconds) the process and its children are killed. Once.
    func wait(until deadline: Int64) -> End {
        defer { close(ended) }
        var isOver = false
        while !isOver {
            let left = deadline &- monotonicNow()
            guard left > 0 else { break }
            var end = pollfd(fd: ended, events: Int16(POLLIN), revents: 0)
            isOver = poll(&end, 1, Int32(clamping: (left + 999_999) / 1_000_000)) > 0
        }
        if !isOver { kill() }
        guard let status = reap(), isOver else { return .killed }
        let signal = status & 0x7F
        return signal == 0 ? .exited(status >> 8 & 0xFF) : .signal(signal)
    }

    private func kill() {
        Glibc.kill(-process, SIGKILL)
        Glibc.kill(process, SIGKILL)
    }

    /// Its status, when it has ended or is about to.
    private func reap() -> Int32? {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 {
            guard errno == EINTR else { return nil }
        }
        return status
    }

    /// `SIGSEGV` for 11.
    static func name(ofSignal number: Int32) -> String {
        let names: [Int32: String] = [
            SIGSEGV: "SIGSEGV", SIGBUS: "SIGBUS", SIGILL: "SIGILL", SIGFPE: "SIGFPE", SIGABRT: "SIGABRT",
            SIGTRAP: "SIGTRAP", SIGKILL: "SIGKILL", SIGXCPU: "SIGXCPU", SIGSYS: "SIGSYS",
        ]
        return names[number] ?? "signal \(number)"
    }
}
