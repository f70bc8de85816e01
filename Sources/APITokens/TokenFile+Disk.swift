internal import Glibc

extension TokenFile {
    /// What happened to a file on disk; the description names it.
    public struct DiskError: Error, Sendable, Equatable, CustomStringConvertible {
        /// For a person.
        public let description: String
    }

    /// Replaces a file as a whole: readers see the old or the new one. The new file has mode 0600. Blocks.
    public func write(to path: String) throws(DiskError) {
        let temporary = "\(path).\(getpid()).new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw TokenFile.failure("cannot write", temporary) }
        var old = stat()
        // Only root may give a file away: a broker that runs as somebody else must still be able to read it.
        if stat(path, &old) == 0, old.st_uid != getuid() { _ = fchown(descriptor, old.st_uid, old.st_gid) }
        var rest = Array(text.utf8)[...]
        var isWritten = true
        while !rest.isEmpty, isWritten {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 { rest = rest.dropFirst(count) } else if errno != EINTR { isWritten = false }
        }
        isWritten = isWritten && fsync(descriptor) == 0
        let failure = TokenFile.failure("cannot write", temporary)
        close(descriptor)
        guard isWritten else {
            unlink(temporary)
            throw failure
        }
        guard rename(temporary, path) == 0 else {
            let failure = TokenFile.failure("cannot replace", path)
            unlink(temporary)
            throw failure
        }
    }

    private static func failure(_ what: String, _ path: String) -> DiskError {
        var reason = [CChar](repeating: 0, count: 256)
        guard strerror_r(errno, &reason, reason.count) == 0 else { return DiskError(description: "\(what) \(path)") }
        let text = String(decoding: reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return DiskError(description: "\(what) \(path): \(text.lowercased())")
    }
}
