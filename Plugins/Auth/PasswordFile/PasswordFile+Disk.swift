import Glibc

extension PasswordFile {
    /// What happened to a file on disk; the description names the file.
    public struct DiskError: Error, Hashable, Sendable, CustomStringConvertible {
        /// For a person: file, what was tried, the system's reason.
        public var description: String
        /// True when there simply is no such file.
        public var isMissing = false
    }

    /// Text of a file of at most ``maxBytes``. Blocks.
    public static func read(_ path: String) throws(DiskError) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure("cannot read", path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("cannot read", path) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw DiskError(description: "\(path): not a plain file") }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("cannot read", path) }
            if count == 0 { break }
            bytes += chunk[..<count]
            guard bytes.count <= maxBytes else {
                throw DiskError(description: "\(path): larger than \(maxBytes) bytes")
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw DiskError(description: "\(path): not UTF-8 text")
        }
        return text
    }

    /// Replaces a file as a whole: readers see the old or the new one, and a crash leaves one of the two. The new
    /// file has mode 0600 and, where this process may give it, the owner of the old one. Blocks.
    public func write(to path: String) throws(DiskError) {
        let path = Self.resolvingLink(path)
        let temporary = "\(path).\(getpid()).new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw Self.failure("cannot write", temporary) }
        do throws(DiskError) {
            defer { close(descriptor) }
            var old = stat()
            // Only root may give a file away; for anybody else the new file is theirs, as the old one was.
            if stat(path, &old) == 0, old.st_uid != getuid() || old.st_gid != getgid() {
                _ = fchown(descriptor, old.st_uid, old.st_gid)
            }
            guard fchmod(descriptor, 0o600) == 0 else { throw Self.failure("cannot write", temporary) }
            try Self.writeAll(Array(description.utf8), to: descriptor, temporary)
            guard fsync(descriptor) == 0 else { throw Self.failure("cannot write", temporary) }
            guard rename(temporary, path) == 0 else { throw Self.failure("cannot replace", path) }
        } catch {
            unlink(temporary)
            throw error
        }
        Self.syncFolder(of: path)
    }

    private static func writeAll(_ bytes: [UInt8], to descriptor: Int32, _ path: String) throws(DiskError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("cannot write", path) }
            rest = rest.dropFirst(count)
        }
    }

    /// A symbolic link stays a link; what it points at is replaced.
    private static func resolvingLink(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// Makes the rename itself survive a power cut. Not every file system can; then the old file comes back.
    private static func syncFolder(of path: String) {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        _ = fsync(descriptor)
        close(descriptor)
    }

    private static func failure(_ verb: String, _ path: String) -> DiskError {
        let code = errno
        // glibc keeps this text per thread.
        return DiskError(description: "\(path): \(verb): \(String(cString: strerror(code)))", isMissing: code == ENOENT)
    }
}
