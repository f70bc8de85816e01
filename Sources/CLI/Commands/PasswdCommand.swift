import ArgumentParser
import Glibc
import PasswordFile

/// `hookline passwd`, with the letters of mosquitto_passwd.
struct PasswdCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "passwd", abstract: "Add, change or delete a user of a password file.",
        discussion: "Asks for the password twice without showing it (or reads it as one line when standard input is "
            + "no terminal). The file is replaced as a whole and has mode 0600; a running broker takes it up with "
            + "'hookline reload'.")

    @Flag(name: .customShort("c"), help: "Create the file; an existing one is refused.")
    var create = false
    @Flag(name: .customShort("b"), help: "Take the password from the command line (others on the machine can see it).")
    var batch = false
    @Flag(name: .customShort("D"), help: "Delete the user.")
    var delete = false
    @Option(help: "How the password is kept: scrypt, pbkdf2, or scram, with which clients can log in by SCRAM-SHA-256.")
    var scheme = "scrypt"
    @Argument(help: "The password file.")
    var file: String
    @Argument(help: "The user's name.")
    var user: String
    @Argument(help: "The password; only with -b.")
    var password: String?

    func validate() throws {
        guard PasswordHash.Scheme(rawValue: scheme) != nil else {
            throw ValidationError("--scheme is scrypt, pbkdf2 or scram")
        }
        if delete, create || batch { throw ValidationError("-D goes alone") }
        if batch, password == nil { throw ValidationError("-b needs the password as last argument") }
        if !batch, password != nil { throw ValidationError("a password on the command line needs -b") }
    }

    func run() throws {
        do throws(PasswdFailure) {
            var content = try load()
            if delete {
                guard content.remove(user) else { throw PasswdFailure("\(file): no user '\(user)'") }
            } else {
                try PasswdFailure.from { () throws(PasswordFileError.Problem) in try PasswordFile.check(user) }
                let hash = try newHash()
                try PasswdFailure.from { () throws(PasswordFileError.Problem) in try content.set(user, to: hash) }
            }
            try PasswdFailure.from { () throws(PasswordFile.DiskError) in try content.write(to: file) }
        } catch {
            throw end(ToolExit.failure, error.description)
        }
    }

    private func load() throws(PasswdFailure) -> PasswordFile {
        let text: String
        do throws(PasswordFile.DiskError) {
            text = try PasswordFile.read(file)
        } catch {
            guard error.isMissing else { throw PasswdFailure(error.description) }
            guard create else { throw PasswdFailure("\(error.description); -c creates it") }
            return PasswordFile()
        }
        // mosquitto_passwd overwrites here, and with it every user: too much for one letter.
        guard !create else { throw PasswdFailure("\(file): exists; leave out -c to add a user to it") }
        return try PasswdFailure.from { () throws(PasswordFileErrors) in try PasswordFile(text, file: file) }
    }

    private func newHash() throws(PasswdFailure) -> PasswordHash {
        var bytes = try batch ? Array((password ?? "").utf8) : askTwice()
        defer { PasswordHash.wipe(&bytes) }
        guard !bytes.isEmpty else { throw PasswdFailure("an empty password is no password") }
        guard bytes.count <= 65_535 else { throw PasswdFailure("MQTT passwords have at most 65535 bytes") }
        let chosen = PasswordHash.Scheme(rawValue: scheme) ?? .scrypt
        guard let hash = PasswordHash.make(password: bytes.span.bytes, scheme: chosen) else {
            throw PasswdFailure("not enough memory to hash the password")
        }
        return hash
    }

    private func askTwice() throws(PasswdFailure) -> [UInt8] {
        guard var first = Terminal.askSecret("Password for \(user): ") else { throw PasswdFailure("no password given") }
        guard isatty(STDIN_FILENO) == 1 else { return first }
        guard var second = Terminal.askSecret("Again: ") else {
            PasswordHash.wipe(&first)
            throw PasswdFailure("no password given")
        }
        defer { PasswordHash.wipe(&second) }
        guard first == second else {
            PasswordHash.wipe(&first)
            throw PasswdFailure("the two passwords differ; nothing was changed")
        }
        return first
    }
}

/// Why nothing was changed.
private struct PasswdFailure: Error {
    var description: String

    init(_ description: String) {
        self.description = description
    }

    /// The result of `body`, or its error's text.
    static func from<Value, Failure: Error & CustomStringConvertible>(
        _ body: () throws(Failure) -> Value
    ) throws(PasswdFailure) -> Value {
        do throws(Failure) {
            return try body()
        } catch {
            throw PasswdFailure(error.description)
        }
    }
}
