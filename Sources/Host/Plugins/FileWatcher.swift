import CSystem
import Glibc

/// watch/1: says when a file may have changed: written in place, renamed over, deleted and made again, or reached
/// through symbolic links of which one was turned (Kubernetes' ..data). Kernel events of the folders involved are
/// hints; what counts is a changed identity, size or time. Where no events come (network file systems) it looks by
/// itself.
///
/// @unchecked Sendable: the descriptors and `thread` are set in `init` and read afterwards; the rest is behind the
/// monitor.
final class FileWatcher: @unchecked Sendable {
    private struct Signature: Equatable {
        var device: UInt = 0
        var inode: UInt = 0
        var size = 0
        var modified = timespec()
        var changed = timespec()

        init(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return }
            device = UInt(status.st_dev)
            inode = UInt(status.st_ino)
            size = Int(status.st_size)
            modified = status.st_mtim
            changed = status.st_ctim
        }

        static func == (left: Signature, right: Signature) -> Bool {
            left.device == right.device && left.inode == right.inode && left.size == right.size
                && left.modified.tv_sec == right.modified.tv_sec && left.modified.tv_nsec == right.modified.tv_nsec
                && left.changed.tv_sec == right.changed.tv_sec && left.changed.tv_nsec == right.changed.tv_nsec
        }
    }

    private struct Entry {
        let path: String
        let group: WorkGroup
        let body: @Sendable () -> Void
        var seen: Signature
    }

    private struct State {
        var entries: [UInt64: Entry] = [:]
        var nextID: UInt64 = 1
        var isStopped = false
    }

    private let state = Monitor(State())
    private let pool: WorkerPool
    private let events = inotify_init1(Int32(O_CLOEXEC | O_NONBLOCK))
    /// A byte in the pipe ends the wait.
    private let wakeUp: (read: Int32, write: Int32)
    private var thread: pthread_t?

    private static let pollMilliseconds: Int32 = 30_000
    private static let mask = UInt32(
        IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF
            | IN_MOVE_SELF)

    init(pool: WorkerPool) {
        self.pool = pool
        var ends: [Int32] = [-1, -1]
        pipe(&ends)
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        wakeUp = (ends[0], ends[1])
        thread = HostThread.start("hl-watch") { [unowned self] in run() }
    }

    deinit {
        for descriptor in [events, wakeUp.read, wakeUp.write] where descriptor >= 0 { close(descriptor) }
    }

    /// Watches a path, which need not exist yet; 0 when there is no thread to do it.
    func add(_ group: WorkGroup, path: String, _ body: @escaping @Sendable () -> Void) -> UInt64 {
        guard thread != nil else { return 0 }
        arm(path)
        return state.withLock { state in
            let id = state.nextID
            state.nextID += 1
            state.entries[id] = Entry(path: path, group: group, body: body, seen: Signature(path))
            return id
        }
    }

    /// Ends a watch of a group; false when it is not there (any more).
    func remove(_ id: UInt64, of group: WorkGroup) -> Bool {
        state.withLock { state in
            guard state.entries[id]?.group === group else { return false }
            state.entries[id] = nil
            return true
        }
    }

    /// Ends all watches of a group.
    func removeAll(of group: WorkGroup) {
        state.withLock { state in state.entries = state.entries.filter { $0.value.group !== group } }
    }

    /// Ends the thread.
    func stop() {
        state.withLock { $0.isStopped = true }
        var byte: UInt8 = 1
        _ = write(wakeUp.write, &byte, 1)
        if let thread { pthread_join(thread, nil) }
        thread = nil
    }

    private func run() {
        while !state.read({ $0.isStopped }) {
            var descriptors = [
                pollfd(fd: events, events: Int16(POLLIN), revents: 0),
                pollfd(fd: wakeUp.read, events: Int16(POLLIN), revents: 0),
            ]
            poll(&descriptors, 2, FileWatcher.pollMilliseconds)
            drain()
            checkAll()
        }
    }

    /// The events themselves are not looked at: whatever they say, every file is compared.
    private func drain() {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while read(events, &buffer, buffer.count) > 0 {}
    }

    private func checkAll() {
        let entries = state.read { $0.entries }
        for (id, entry) in entries {
            let now = Signature(entry.path)
            guard now != entry.seen else { continue }
            // Links may have turned, folders may be new ones.
            arm(entry.path)
            state.withLock { $0.entries[id]?.seen = now }
            _ = pool.submit(entry.group, mustRun: true, entry.body)
        }
    }

    /// Watches the folder of the path and of every symbolic link on the way. Watching twice is harmless.
    private func arm(_ path: String) {
        var current = path
        for _ in 0..<16 {
            let folder = FileWatcher.folder(of: current)
            inotify_add_watch(events, folder, FileWatcher.mask)
            armLinkedFolders(folder)
            var target = [CChar](repeating: 0, count: Int(PATH_MAX))
            let length = readlink(current, &target, target.count - 1)
            guard length > 0 else { return }
            let text = String(decoding: target[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            current = text.hasPrefix("/") ? text : folder + "/" + text
        }
    }

    /// A folder that is itself a link is turned in its own parent.
    private func armLinkedFolders(_ folder: String) {
        var current = folder
        while current.count > 1 {
            var status = stat()
            if lstat(current, &status) == 0, status.st_mode & S_IFMT == S_IFLNK {
                inotify_add_watch(events, FileWatcher.folder(of: current), FileWatcher.mask)
            }
            current = FileWatcher.folder(of: current)
        }
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
