import CSystem
import Glibc
import PluginABI
import PluginFile

/// A private copy of a plugin's file, looked at and ready to be mapped. What is checked, tried and loaded are the same
/// bytes, whatever happens to the original meanwhile. The copy is gone with this object.
///
/// The copy has a name and an inode that were never used before: a path or inode that is mapped already would give the
/// old code again, and overwriting mapped code would end the process.
final class StagedFile: Sendable {
    /// The file as configured.
    let source: String
    /// Where the copy is.
    let path: String
    /// SHA-256 of the copy.
    let sha256: String
    let note: ELFFile.Note?
    /// The settings that the file declares; nil: only running it would tell.
    let settings: [ELFFile.Setting]?
    private let loadedBytes: Int

    private static let maximumBytes = 512 << 20

    /// - Parameters:
    ///   - folder: one that only this user may write to.
    ///   - name: unique in the process.
    init(
        _ source: String, in folder: String, name: String, pin: String? = nil, trust: TrustPolicy = .none
    ) throws(PluginImage.Problem) {
        let bytes = try StagedFile.read(source, trust)
        let digest = FileDigest.sha256(bytes)
        if let pin, pin != digest {
            throw PluginImage.Problem(
                words: "\(source) is not the file that plugins.yaml pins: its sha256 is \(digest), pinned is \(pin)",
                sha256: digest)
        }
        let file = try StagedFile.look(source, bytes, digest)
        (note, settings) = (file.note, file.settings)
        loadedBytes = file.loadedBytes
        self.source = source
        sha256 = digest
        path = "\(folder)/\(name).so"
        try StagedFile.write(bytes, to: path)
    }

    deinit { unlink(path) }

    /// Gives back what the loader has not mapped. The rest stays on the disk for as long as it is mapped, though it
    /// has no name any more; only what has reached the disk can leave the memory (``RestingCode``).
    func trim() {
        truncate(path, loadedBytes)
        csystem_begin_writing(path)
    }

    /// SHA-256 of a file as it is now; nil when it cannot be read.
    static func digest(of path: String) -> String? {
        guard let bytes = try? read(path, .none) else { return nil }
        return FileDigest.sha256(bytes)
    }

    private static func look(
        _ source: String, _ bytes: [UInt8], _ digest: String
    ) throws(PluginImage.Problem) -> ELFFile {
        do {
            let file = try ELFFile(bytes)
            // The note first: a plugin for another version of the interface has another entry.
            if let note = file.note { try PluginDescription.checkVersion(note.abiMajor, note.abiMinorRequired) }
            guard file.hasEntry != false else {
                throw PluginImage.Problem(words: PluginImage.entryMissing(source), sha256: digest)
            }
            return file
        } catch let problem as ELFFile.Problem {
            throw PluginImage.Problem(words: "\(source) \(problem.words)", sha256: digest)
        } catch let problem as PluginDescription.Problem {
            throw PluginImage.Problem(words: "\(source) \(problem.words)", sha256: digest)
        } catch let problem as PluginImage.Problem {
            throw problem
        } catch {
            throw PluginImage.Problem(words: "\(source): \(error)", sha256: digest)
        }
    }

    private static func read(_ path: String, _ trust: TrustPolicy) throws(PluginImage.Problem) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .init(words: "\(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw .init(words: "\(path) is not a regular file")
        }
        guard status.st_size <= maximumBytes else { throw .init(words: "\(path) is larger than 512MiB") }
        // Asked about what is open, so that nobody can put another file in its place meanwhile.
        try trust.check(path, descriptor)
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(descriptor, buffer.baseAddress.map { $0 + filled }, buffer.count - filled)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .init(words: "\(path) became shorter while it was read; try again") }
            filled += count
        }
        return bytes
    }

    private static func write(_ bytes: [UInt8], to path: String) throws(PluginImage.Problem) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o700)
        guard descriptor >= 0 else {
            throw .init(words: "cannot make the private copy \(path): \(String(cString: strerror(errno)))")
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
                throw .init(words: "cannot make the private copy \(path): \(reason)")
            }
            written += count
        }
    }
}
