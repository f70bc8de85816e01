import Glibc

/// The terminal: messages on stderr, and questions without echo.
enum Terminal {
    /// One line on stderr, which carries everything that is not a command's result.
    static func error(_ line: String) {
        write(line + "\n", to: STDERR_FILENO)
    }

    /// Asks without showing what is typed; reads standard input as it comes when it is no terminal, so that scripts can
    /// pipe a password in. The bytes are the caller's to wipe.
    ///
    /// - Returns: nil at the end of input, and when the question is broken off with Ctrl-C.
    static func askSecret(_ question: String) -> [UInt8]? {
        guard isatty(STDIN_FILENO) == 1 else { return readLine { true } }
        var settings = termios()
        guard tcgetattr(STDIN_FILENO, &settings) == 0 else { return nil }
        // A signal that ended the tool here would leave a terminal that shows nothing any more. They are let through
        // only while the read waits, so that none falls between the question and the wait.
        let previous = [SIGINT, SIGTERM].map { ($0, catchSignal($0)) }
        var (held, open) = (sigset_t(), sigset_t())
        sigemptyset(&held)
        for (number, _) in previous { sigaddset(&held, number) }
        pthread_sigmask(SIG_BLOCK, &held, &open)
        var silent = settings
        silent.c_lflag &= ~tcflag_t(ECHO)
        defer {
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings)
            pthread_sigmask(SIG_SETMASK, &open, nil)
            for (number, action) in previous { restoreSignal(number, action) }
            write("\n", to: STDERR_FILENO)
        }
        guard tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0 else { return nil }
        write(question, to: STDERR_FILENO)
        return readLine { waitForInput(letting: open) }
    }

    /// Waits until there is something to read; false when a signal came instead.
    private static func waitForInput(letting signals: sigset_t) -> Bool {
        var (input, signals) = (fd_set(), signals)
        // FD_SET, a macro: bit 0 is standard input.
        input.__fds_bits.0 = 1
        return pselect(STDIN_FILENO + 1, &input, nil, nil, nil, &signals) > 0
    }

    /// Makes a signal interrupt a wait instead of ending the process; returns what it did before.
    private static func catchSignal(_ number: Int32) -> sigaction {
        var (action, previous) = (sigaction(), sigaction())
        action.__sigaction_handler.sa_handler = { _ in }
        sigaction(number, &action, &previous)
        return previous
    }

    private static func restoreSignal(_ number: Int32, _ previous: sigaction) {
        var previous = previous
        sigaction(number, &previous, nil)
    }

    private static let maxLineBytes = 65_535

    /// A line without its end; nil at the end of input and when `mayRead` says no.
    private static func readLine(mayRead: () -> Bool) -> [UInt8]? {
        var line: [UInt8] = []
        line.reserveCapacity(1_024)
        var byte: UInt8 = 0
        while line.count <= maxLineBytes {
            guard mayRead() else { return nil }
            let count = Glibc.read(STDIN_FILENO, &byte, 1)
            if count < 0, errno == EINTR { continue }
            if count < 0 { return nil }
            if count == 0 { return line.isEmpty ? nil : line }
            if byte == UInt8(ascii: "\n") { break }
            line.append(byte)
        }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return line
    }

    private static func write(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
