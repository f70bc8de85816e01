import Glibc

/// The file of a listening Unix socket. A socket file outlives a program that was killed; then it is stale.
struct UnixSocketFile: Sendable {
    let path: String
    private let device: UInt
    private let inode: UInt

    /// Notes which file `bind` has just made at `path`.
    init(bound path: String) {
        self.path = path
        var information = stat()
        let isThere = lstat(path, &information) == 0
        device = isThere ? UInt(information.st_dev) : 0
        inode = isThere ? UInt(information.st_ino) : 0
    }

    /// Removes the file, unless another program has put its own in the place meanwhile.
    func removeIfOwn() {
        var information = stat()
        guard lstat(path, &information) == 0, UInt(information.st_dev) == device, UInt(information.st_ino) == inode
        else { return }
        _ = unlink(path)
    }

    /// Removes a socket file on which nobody answers. A socket somebody listens on, and any other file, is an error.
    static func removeStale(path: String) throws(ListenError) {
        var information = stat()
        guard lstat(path, &information) == 0 else { return }
        guard information.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path: path) }
        guard var kernel = UnsafeSocketAddress.unixForm(path: path) else { throw .badPath(path: path) }
        let kind = SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
        let descriptor = socket(AF_UNIX, Int32(kind), 0)
        guard descriptor >= 0 else { throw ListenError(errno, call: "socket", address: path) }
        defer { _ = close(descriptor) }
        let result = UnsafeSocketAddress.withGenericForm(of: &kernel) { connect(descriptor, $0, $1) }
        let code = result == 0 ? 0 : errno
        switch code {
        case ECONNREFUSED: _ = unlink(path)
        case ENOENT: break
        case EACCES, EPERM: throw .permissionDenied(address: path)
        // Connected, or EAGAIN: somebody listens whose queue is full.
        default: throw .addressInUse(address: path)
        }
    }
}
