import Configuration
import Glibc

/// Why a run directory cannot be used.
enum RunDirectoryError: Error, Equatable, CustomStringConvertible {
    /// Another broker holds the lock; its process id when it could be read.
    case inUse(path: String, process: String?)
    /// Others could replace the socket in it.
    case notOurs(path: String, owner: uid_t)
    case notADirectory(path: String)
    case system(OperationError)

    var description: String {
        switch self {
        case .inUse(let path, let process):
            "another broker\(process.map { " (process \($0))" } ?? "") already runs with the run directory \(path);"
                + " stop it with 'hookline stop', or give this one its own --data-dir"
        case .notOurs(let path, let owner):
            "run directory \(path) belongs to user \(owner), not to user \(geteuid()); remove it or use another"
        case .notADirectory(let path): "run directory \(path) is not a directory; remove it or use another"
        case .system(let error): error.description
        }
    }
}

/// The directory of a running broker: its lock and its control socket. Mode 0700, so only its user (and root) gets in.
///
/// The lock is an advisory lock of the kernel, gone with the process however it ends: no stale lock can keep a broker
/// from starting, and a socket found under the lock is a leftover.
final class ClaimedRunDirectory {
    let path: String
    private let lock: Int32

    /// Where the control socket is.
    var socketPath: String { RunDirectory.controlSocket(in: path) }

    /// Makes the directory when needed, checks its owner and takes the lock.
    init(path: String) throws(RunDirectoryError) {
        try Self.make(path)
        let lockPath = path + "/lock"
        let lock = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard lock >= 0 else { throw .system(OperationError("open \(lockPath)")) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(lock)
            guard code == EWOULDBLOCK else { throw .system(OperationError("lock \(lockPath)", code: code)) }
            let holder = SmallFile.readText(lockPath).flatMap { $0.isEmpty ? nil : $0 }
            throw .inUse(path: path, process: holder)
        }
        self.path = path
        self.lock = lock
        let process = Array("\(getpid())\n".utf8)
        // Only for the message above; a broker runs without it.
        if ftruncate(lock, 0) == 0 { _ = pwrite(lock, process, process.count, 0) }
        unlink(socketPath)
    }

    private static func make(_ path: String) throws(RunDirectoryError) {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw .system(OperationError("make \(path)")) }
        var status = stat()
        guard lstat(path, &status) == 0 else { throw .system(OperationError("look at \(path)")) }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw .notADirectory(path: path) }
        guard status.st_uid == geteuid() else { throw .notOurs(path: path, owner: status.st_uid) }
        if status.st_mode & 0o077 != 0, chmod(path, 0o700) != 0 { throw .system(OperationError("protect \(path)")) }
    }

    deinit {
        unlink(socketPath)
        // Closing gives the lock back. The file stays: removing it would let two brokers hold locks on two files.
        close(lock)
    }
}
