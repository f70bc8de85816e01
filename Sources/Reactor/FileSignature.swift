import Glibc

/// What tells one content of a file from another without reading it: where it lies, how long it is, when it changed.
struct FileSignature: Equatable {
    private var device: UInt64 = 0
    private var inode: UInt64 = 0
    private var size = 0
    private var modified: [Int] = []
    private var changed: [Int] = []

    /// Of the file behind a path, symbolic links followed. A file that is not there equals any other that is not.
    init(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int(status.st_size)
        modified = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
        changed = [status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
    }
}
