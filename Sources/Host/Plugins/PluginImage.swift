import BrokerCore
import Glibc
import PluginABI
import PluginFile

/// A shared object that is mapped into the process, for good: unmapping code that threads, destructors or the Swift
/// runtime may still know of is never safe.
struct PluginImage: Sendable {
    /// Why a file was not loaded, as a sentence.
    struct Problem: Error { let words: String }

    /// The file as configured; what is mapped is a private copy of it.
    let path: String
    let description: PluginDescription
    /// The file has no `.note.hookline`: it cannot be described without running it.
    let hasNote: Bool

    private static let maximumBytes = 512 << 20

    /// Copies the file under a name that was never used before and maps the copy: a path or inode that is mapped
    /// already would give the old code again, and overwriting mapped code would end the process.
    /// - Parameters:
    ///   - staging: a folder that only this user may write to.
    ///   - name: unique in the process.
    static func load(_ path: String, staging: String, name: String) throws(Problem) -> PluginImage {
        let bytes = try read(path)
        let note: ELFFile.Note?
        do {
            note = try ELFFile(bytes).note
            if let note { try PluginDescription.checkVersion(note.abiMajor, note.abiMinorRequired) }
        } catch let problem as ELFFile.Problem {
            throw Problem(words: "\(path) \(problem.words)")
        } catch let problem as PluginDescription.Problem {
            throw Problem(words: "\(path) \(problem.words)")
        } catch {
            throw Problem(words: "\(path): \(error)")
        }
        let copy = "\(staging)/\(name).so"
        try write(bytes, to: copy)
        defer { unlink(copy) }
        guard let handle = dlopen(copy, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) else {
            let reason = dlerror().map { String(cString: $0) } ?? "unknown reason"
            // The private name means nothing to the reader.
            throw Problem(words: "\(path) cannot be loaded: \(reason.replacing(copy, with: path))")
        }
        guard let symbol = dlsym(handle, HL_PLUGIN_ENTRY_NAME) else {
            throw Problem(
                words:
                    "entry \(HL_PLUGIN_ENTRY_NAME) not found in \(path); end one source file with HL_PLUGIN(...) and "
                    + "build with the headers of `pkg-config hookline` (plugin ABI \(PluginDescription.hostABI))")
        }
        let entry = unsafeBitCast(symbol, to: hl_plugin_entry_fn.self)
        return try describe(entry, path: path, note: note)
    }

    /// Asks the entry function of a mapped file, or of a plugin that is part of the executable.
    static func describe(
        _ entry: hl_plugin_entry_fn, path: String, note: ELFFile.Note? = nil
    ) throws(Problem) -> PluginImage {
        guard let raw = HostProbe.with({ entry($0) }) else {
            throw Problem(words: "\(path) does not accept this broker (plugin ABI \(PluginDescription.hostABI))")
        }
        do throws(PluginDescription.Problem) {
            let description = try PluginDescription(raw)
            if let note, note.id != description.id || note.flags != description.flags {
                throw .init(
                    words: "contradicts itself: its note says \(note.id) (flags \(note.flags)), its description "
                        + "\(description.id) (flags \(description.flags)); rebuild it")
            }
            return PluginImage(path: path, description: description, hasNote: note != nil)
        } catch {
            throw Problem(words: "\(path) \(error.words)")
        }
    }

    private static func read(_ path: String) throws(Problem) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Problem(words: "\(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw Problem(words: "\(path) is not a regular file")
        }
        guard status.st_size <= maximumBytes else { throw Problem(words: "\(path) is larger than 512MiB") }
        // Code that others can write to would run with our rights.
        guard geteuid() != 0 || status.st_mode & S_IWOTH == 0 else {
            throw Problem(words: "\(path) can be written by everybody, and the broker runs as root; chmod o-w it")
        }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(descriptor, buffer.baseAddress.map { $0 + filled }, buffer.count - filled)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Problem(words: "\(path) became shorter while it was read; try again") }
            filled += count
        }
        return bytes
    }

    private static func write(_ bytes: [UInt8], to path: String) throws(Problem) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o700)
        guard descriptor >= 0 else {
            throw Problem(words: "cannot make the private copy \(path): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.write(descriptor, buffer.baseAddress.map { $0 + written }, buffer.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let reason = String(cString: strerror(errno))
                unlink(path)
                throw Problem(words: "cannot make the private copy \(path): \(reason)")
            }
            written += count
        }
    }
}

extension String {
    /// All occurrences of a text replaced by another.
    fileprivate func replacing(_ old: String, with new: String) -> String {
        var rest = self[...]
        var result = ""
        while let range = rest.firstRange(of: old) {
            result += rest[..<range.lowerBound] + new
            rest = rest[range.upperBound...]
        }
        return result + rest
    }
}
