import Glibc
import PluginABI

/// What every engine does with its folder first: one process writes at a time, and no engine takes that of another.
///
/// For one thread at a time.
public struct StoreFolder: ~Copyable, Sendable {
    private let lock: Int32

    /// [worker] Locks the folder, unless it is only read, and checks or writes the file `engine`.
    /// - Parameters:
    ///   - engine: one word, such as "sqlite".
    ///   - format: the newest format that this build reads.
    public init(_ options: StoreOptions, engine: String, format: Int) throws(StoreFailure) {
        let mark = options.folder + "/engine"
        if options.isReadOnly {
            lock = -1
            guard let text = Self.contents(of: mark) else {
                throw StoreFailure(HL_NOT_FOUND, "there is no store in \(options.folder)")
            }
            try Self.check(text, options.folder, engine, format)
            return
        }
        lock = open(options.folder + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw Self.failure("cannot open \(options.folder)/lock") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let isTaken = errno == EWOULDBLOCK
            let failure =
                isTaken
                ? StoreFailure(HL_CONFLICT, "another process has the store in \(options.folder) open for writing")
                : Self.failure("cannot lock \(options.folder)/lock")
            Glibc.close(lock)
            throw failure
        }
        do throws(StoreFailure) {
            if let text = Self.contents(of: mark), !text.isEmpty {
                try Self.check(text, options.folder, engine, format)
            } else {
                try Self.write("\(engine) \(format)\n", to: mark, in: options.folder)
            }
        } catch {
            Glibc.close(lock)
            throw error
        }
    }

    deinit { if lock >= 0 { Glibc.close(lock) } }

    private static func check(
        _ text: String, _ folder: String, _ engine: String, _ format: Int
    ) throws(StoreFailure) {
        let words = text.split { $0 == " " || $0 == "\n" }
        guard words.count == 2, let found = Int(words[1]) else {
            throw StoreFailure(HL_DAMAGED, "\(folder)/engine does not say which engine made the store")
        }
        guard words[0] == engine else {
            throw StoreFailure(
                HL_REFUSED,
                "the store in \(folder) was made by the engine \(words[0]), not \(engine); use that plugin, or move "
                    + "the content with `hookline store export` and `import`")
        }
        guard found <= format else {
            throw StoreFailure(
                HL_REFUSED,
                "the store in \(folder) has format \(found) of \(engine), this version reads \(format) at most; "
                    + "use a newer hookline")
        }
    }

    /// Nil when there is no such file.
    private static func contents(of path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { Glibc.close(file) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(file, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
    }

    /// A whole file or none: a crash in the middle must not make a store that nobody can open.
    private static func write(_ text: String, to path: String, in folder: String) throws(StoreFailure) {
        let draft = path + ".new"
        let file = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure("cannot write \(draft)") }
        let bytes = Array(text.utf8)
        let isWritten = Glibc.write(file, bytes, bytes.count) == bytes.count && fsync(file) == 0
        let problem = isWritten ? nil : failure("cannot write \(draft)")
        Glibc.close(file)
        if let problem { throw problem }
        guard rename(draft, path) == 0 else { throw failure("cannot write \(path)") }
        try sync(folder)
    }

    /// Makes the names in a folder durable.
    public static func sync(_ folder: String) throws(StoreFailure) {
        let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw failure("cannot open \(folder)") }
        defer { Glibc.close(directory) }
        guard fsync(directory) == 0 else { throw failure("cannot flush \(folder)") }
    }

    /// What errno says, as a status and a sentence.
    public static func failure(_ what: String) -> StoreFailure {
        let code = errno
        let reason = String(cString: strerror(code))
        let isFull = code == ENOSPC || code == EDQUOT
        return StoreFailure(isFull ? HL_NO_SPACE : HL_IO_ERROR, "\(what): \(reason)")
    }
}
