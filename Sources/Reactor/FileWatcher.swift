import Glibc

/// Tells when the content behind a path may have changed (inotify): written in place, replaced by a rename, removed,
/// made anew, given other rights, or reached through a symbolic link or directory that now leads elsewhere, as
/// Kubernetes replaces mounted files.
///
/// It watches the directories on the way, not the file: a watch on a file follows the file when it is renamed away.
/// What the kernel does not tell (writes through another name of the same file, files of network file systems changed
/// by another machine) is found by looking at the files now and then, where that is wanted.
///
/// A loop serves it, see `EventLoop.add(_:)`; all calls are on the loop's thread.
public final class FileWatcher: DescriptorSource {
    private struct WatchedPath {
        let id: UInt64
        var path: String
        let settle: Int64
        let onChange: (String) -> Void
        var seen: FileSignature
        var places: [WatchedPlace] = []
        /// When the first change of the running burst was seen; nil without one.
        var firstChange: Int64?
        var deadline = Int64.max

        mutating func change(now: Int64) {
            let first = firstChange ?? now
            firstChange = first
            deadline = min(now &+ settle, first &+ 8 &* settle)
        }
    }

    /// The inotify instance.
    public let descriptor: Int32
    /// Directories on the way that cannot be watched, mostly for want of permission: changes there go unnoticed until
    /// somebody looks.
    public private(set) var unwatched: [String: SystemError] = [:]

    private var paths: [WatchedPath] = []
    private var nextID: UInt64 = 1
    private var directories: [Int32: String] = [:]
    private let lookNanoseconds: Int64
    private var nextLook: Int64
    private let eventBuffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 8)
    /// Of the paths that `init` and ``watch(_:)`` name.
    private let settleNanoseconds: Int64
    private let onChange: (String) -> Void

    /// Watches nothing yet.
    /// - Parameters:
    ///   - lookNanoseconds: how often the files are looked at whatever the kernel tells; 0: never.
    ///   - now: host clock, nanoseconds.
    public convenience init(lookNanoseconds: Int64, now: Int64) throws(SystemError) {
        try self.init(paths: [], settleNanoseconds: 0, lookNanoseconds: lookNanoseconds, now: now) { _ in }
    }

    /// Watches `paths`, whether there is something or not.
    /// - Parameters:
    ///   - settleNanoseconds: how long a path is left alone after a change before it is reported; a burst of changes
    ///     makes one report, after eight times as long at the latest.
    ///   - lookNanoseconds: see ``init(lookNanoseconds:now:)``.
    ///   - onChange: called with the path as it was given. The watches are in place by then: a change after what the
    ///     callee reads is reported again.
    public init(
        paths: [String], settleNanoseconds: Int64, lookNanoseconds: Int64 = 0, now: Int64 = MonotonicClock.now,
        onChange: @escaping (String) -> Void
    ) throws(SystemError) {
        descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard descriptor >= 0 else {
            eventBuffer.deallocate()
            throw .last("inotify_init1")
        }
        self.settleNanoseconds = settleNanoseconds
        self.lookNanoseconds = lookNanoseconds
        self.onChange = onChange
        nextLook = lookNanoseconds > 0 ? now &+ lookNanoseconds : .max
        watch(paths)
    }

    deinit {
        _ = close(descriptor)
        eventBuffer.deallocate()
    }

    /// Watches these paths instead.
    public func watch(_ newPaths: [String]) {
        let before = paths
        paths = newPaths.map { path in before.first { $0.path == path } ?? make(path, settleNanoseconds, onChange) }
        watchPlaces()
    }

    /// Watches one more path; the number is for ``remove(_:)``.
    public func add(_ path: String, settleNanoseconds: Int64, _ onChange: @escaping (String) -> Void) -> UInt64 {
        paths.append(make(path, settleNanoseconds, onChange))
        watchPlaces()
        // What changed before the watch was there.
        paths[paths.count - 1].seen = FileSignature(path)
        return nextID - 1
    }

    /// Ends what ``add(_:settleNanoseconds:_:)`` began; false when it is not there.
    @discardableResult
    public func remove(_ id: UInt64) -> Bool {
        guard let position = paths.firstIndex(where: { $0.id == id }) else { return false }
        paths.remove(at: position)
        watchPlaces()
        return true
    }

    private func make(_ path: String, _ settle: Int64, _ onChange: @escaping (String) -> Void) -> WatchedPath {
        defer { nextID += 1 }
        return WatchedPath(id: nextID, path: path, settle: settle, onChange: onChange, seen: FileSignature(path))
    }

    /// When the next report is due, or the next look.
    public var nextDeadline: Int64? {
        let deadline = paths.isEmpty ? .max : paths.reduce(nextLook) { min($0, $1.deadline) }
        return deadline == .max ? nil : deadline
    }

    /// Takes the events that arrived.
    public func ready(now: Int64) {
        var isChanged = false
        while true {
            let count = read(descriptor, eventBuffer.baseAddress, eventBuffer.count)
            guard count > 0 else { break }
            if noteEvents(UnsafeRawBufferPointer(rebasing: eventBuffer[..<count]), now: now) { isChanged = true }
        }
        // The way may lead elsewhere now; waiting for the report would miss what happens there meanwhile.
        if isChanged { watchPlaces() }
    }

    /// Reports the paths that have settled, and looks at all of them when it is time.
    public func expire(now: Int64) {
        if now >= nextLook { look(now: now) }
        watchPlaces()
        // Collected first: the callee may give other paths.
        var settled: [WatchedPath] = []
        for position in paths.indices where paths[position].deadline <= now {
            paths[position].deadline = .max
            paths[position].firstChange = nil
            paths[position].seen = FileSignature(paths[position].path)
            settled.append(paths[position])
        }
        for watched in settled { watched.onChange(watched.path) }
    }

    private func look(now: Int64) {
        nextLook = now &+ lookNanoseconds
        for position in paths.indices where paths[position].firstChange == nil {
            if FileSignature(paths[position].path) != paths[position].seen { paths[position].change(now: now) }
        }
    }

    // MARK: Events

    private func noteEvents(_ events: UnsafeRawBufferPointer, now: Int64) -> Bool {
        var isChanged = false
        var offset = 0
        let headerSize = MemoryLayout<inotify_event>.size
        while offset + headerSize <= events.count {
            let header = events.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
            let end = min(offset + headerSize + Int(header.len), events.count)
            let name = String(decoding: events[(offset + headerSize)..<end].prefix { $0 != 0 }, as: UTF8.self)
            if note(header, name: name, now: now) { isChanged = true }
            offset = end
        }
        return isChanged
    }

    private func note(_ event: inotify_event, name: String, now: Int64) -> Bool {
        let isOverflow = event.mask & UInt32(IN_Q_OVERFLOW) != 0
        let isAboutDirectory = event.mask & UInt32(IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT) != 0
        let directory = directories[event.wd]
        if event.mask & UInt32(IN_IGNORED) != 0 { directories[event.wd] = nil }
        var isChanged = false
        for position in paths.indices {
            let concerns =
                isOverflow
                || paths[position].places.contains {
                    $0.directory == directory && (isAboutDirectory || $0.name == name)
                }
            guard concerns else { continue }
            isChanged = true
            paths[position].change(now: now)
        }
        return isChanged
    }

    // MARK: Watches

    private func watchPlaces() {
        var masks: [String: UInt32] = [:]
        let entries = UInt32(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)
        let ownFate = UInt32(IN_DELETE_SELF | IN_MOVE_SELF)
        for position in paths.indices {
            paths[position].places = WatchedPlace.places(on: paths[position].path)
            for place in paths[position].places {
                let content = place.isLast ? UInt32(IN_CLOSE_WRITE | IN_ATTRIB) : 0
                masks[place.directory, default: entries | ownFate | UInt32(IN_ONLYDIR)] |= content
            }
        }
        var watched: [Int32: String] = [:]
        unwatched = [:]
        for (directory, mask) in masks {
            let watch = inotify_add_watch(descriptor, directory, mask)
            if watch >= 0 {
                watched[watch] = directory
            } else {
                unwatched[directory] = .last("inotify_add_watch")
            }
        }
        for watch in directories.keys where watched[watch] == nil { _ = inotify_rm_watch(descriptor, watch) }
        directories = watched
    }
}
