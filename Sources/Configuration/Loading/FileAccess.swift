import Glibc

/// The few questions a configuration asks the file system.
enum FileAccess {
    /// Content of a file of at most `limit` bytes (one more byte is read, so that a larger file can be told), or the
    /// reason why not, in words.
    static func read(_ path: String, limit: Int) -> Result<[UInt8], FileAccessError> {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return .failure(FileAccessError(words: words(errno))) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return .failure(FileAccessError(words: words(errno))) }
        guard status.st_mode & S_IFMT != S_IFDIR else { return .failure(FileAccessError(words: "it is a folder")) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count <= limit {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return .failure(FileAccessError(words: words(errno))) }
            if count == 0 { break }
            bytes += chunk[..<count]
        }
        return .success(bytes)
    }

    static func isRegularFile(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Why this process cannot read a file: the system's words, who it runs as and whom the file belongs to.
    static func reasonNotReadable(_ path: String) -> String? {
        guard access(path, R_OK) != 0 else { return nil }
        let reason = words(errno)
        var status = stat()
        guard stat(path, &status) == 0 else { return reason }
        let mode = String(status.st_mode & 0o7777, radix: 8)
        let owner = "\(userName(status.st_uid)):\(groupName(status.st_gid))"
        return "\(reason) (running as user \(userName(getuid())); file is \(owner) 0\(mode))"
    }

    static func currentDirectory() -> String {
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return String(cString: path)
    }

    /// `Permission denied` as the middle of a sentence.
    static func words(_ code: Int32) -> String {
        // glibc keeps this text per thread.
        let text = String(cString: strerror(code))
        return text.prefix(1).lowercased() + text.dropFirst()
    }

    private static func userName(_ id: uid_t) -> String {
        var record = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 4_096)
        guard getpwuid_r(id, &record, &buffer, buffer.count, &found) == 0, found != nil else { return "\(id)" }
        return String(cString: record.pw_name)
    }

    private static func groupName(_ id: gid_t) -> String {
        var record = group()
        var found: UnsafeMutablePointer<group>?
        var buffer = [CChar](repeating: 0, count: 4_096)
        guard getgrgid_r(id, &record, &buffer, buffer.count, &found) == 0, found != nil else { return "\(id)" }
        return String(cString: record.gr_name)
    }
}

/// The system's reason, for a person.
struct FileAccessError: Error {
    var words: String
}
