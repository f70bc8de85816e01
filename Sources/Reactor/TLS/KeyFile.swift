import Glibc

/// Questions about a file with a secret in it, asked before it is used.
enum KeyFile {
    /// Group and others may do none of this; reading by the group is how Debian's `ssl-cert` works.
    private static let forbiddenMode: mode_t = 0o037

    /// Throws when others could read or change the key.
    static func check(_ path: String) throws(TLSError) {
        var status = stat()
        guard stat(path, &status) == 0 else { throw TLSError("cannot read \(path): \(SystemError.text(of: errno))") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw TLSError("\(path) is not a file") }
        guard status.st_uid == 0 || status.st_uid == geteuid() else {
            throw TLSError(
                "\(path) belongs to user \(status.st_uid), who could change the key; give it to the user the broker "
                    + "runs as: chown \(geteuid()) \(path)")
        }
        let mode = status.st_mode & 0o7777
        guard mode & forbiddenMode == 0 else {
            throw TLSError(
                "\(path) holds a private key and others may use it (mode 0\(String(mode, radix: 8))); "
                    + "close it: chmod 600 \(path)")
        }
        guard access(path, R_OK) == 0 else { throw TLSError("cannot read \(path): \(SystemError.text(of: errno))") }
    }
}
