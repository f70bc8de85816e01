import Glibc

/// The terminal: messages on stderr, and questions without echo.
enum Terminal {
    /// One line on stderr, which carries everything that is not a command's result.
    static func error(_ line: String) {
        write(line + "\n", to: STDERR_FILENO)
    }

    /// Asks on the controlling terminal without showing what is typed; reads standard input when there is none, so
    /// that scripts can pipe it in. The bytes are the caller's to wipe.
    ///
    /// - Returns: nil at the end of input.
    static func askSecret(_ question: String) -> [UInt8]? {
        guard isatty(STDIN_FILENO) == 1 else { return readLine(echoes: true) }
        write(question, to: STDERR_FILENO)
        var settings = termios()
        guard tcgetattr(STDIN_FILENO, &settings) == 0 else { return nil }
        var silent = settings
        silent.c_lflag &= ~tcflag_t(ECHO)
        guard tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0 else { return nil }
        defer {
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings)
            write("\n", to: STDERR_FILENO)
        }
        return readLine(echoes: false)
    }

    private static let maxLineBytes = 65_535

    private static func readLine(echoes: Bool) -> [UInt8]? {
        var line: [UInt8] = []
        line.reserveCapacity(256)
        var byte: UInt8 = 0
        while line.count <= maxLineBytes {
            let count = Glibc.read(STDIN_FILENO, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count == 1 else { return line.isEmpty ? nil : line }
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
