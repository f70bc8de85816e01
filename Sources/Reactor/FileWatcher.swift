import Glibc

/// Tells when the content behind a path may have changed (inotify): written in place, replaced by a rename, removed,
/// made anew, or reached through a symbolic link or directory that now leads elsewhere, as Kubernetes replaces mounted
/// files.
///
/// It watches the directories on the way, not the file: a watch on a file follows the file when it is renamed away.
/// Not noticed: a write through another name of the same file (hard link, other mount), and files of network file
/// systems changed by another machine. A loop serves it, see `EventLoop.add(_:)`; all calls are on the loop's thread.
public final class FileWatcher: DescriptorSource {
    private struct WatchedPath {
        var path: String
        var places: [WatchedPlace] = []
        /// When the first change of the running burst was seen; nil without one.
        var firstChange: Int64?
        var deadline = Int64.max
    }

    /// The inotify instance.
    public let descriptor: Int32
    /// Directories on the way that cannot be watched, mostly for want of permission: changes there go unnoticed.
    public private(set) var unwatched: [String: SystemError] = [:]

    private var paths: [WatchedPath]
    private var directories: [Int32: String] = [:]
    private let settleNanoseconds: Int64
    private let onChange: (String) -> Void
    private let eventBuffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 8)

    /// Watches `paths`, whether there is something or not.
    /// - Parameters:
    ///   - settleNanoseconds: how long a path is left alone after a change before it is reported; a burst of changes
    ///     makes one report, after eight times as long at the latest.
    ///   - onChange: called with the path as it was given. The watches are in place by then: a change after what the
    ///     callee reads is reported again.
    public init(
        paths: [String], settleNanoseconds: Int64, onChange: @escaping (String) -> Void
    ) throws(SystemError) {
        descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard descriptor >= 0 else {
            eventBuffer.deallocate()
            throw .last("inotify_init1")
        }
        self.paths = paths.map { WatchedPath(path: $0) }
        self.settleNanoseconds = settleNanoseconds
        self.onChange = onChange
        watchPlaces()
    }

    deinit {
        _ = close(descriptor)
        eventBuffer.deallocate()
    }

    /// Watches these paths instead.
    public func watch(_ newPaths: [String]) {
        paths = newPaths.map { path in paths.first { $0.path == path } ?? WatchedPath(path: path) }
        watchPlaces()
    }

    /// When the next report is due.
    public var nextDeadline: Int64? {
        let deadline = paths.reduce(.max) { min($0, $1.deadline) }
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

    /// Reports the paths that have settled.
    public func expire(now: Int64) {
        watchPlaces()
        // Collected first: the callee may give other paths.
        var settled: [String] = []
        for position in paths.indices where paths[position].deadline <= now {
            paths[position].deadline = .max
            paths[position].firstChange = nil
            settled.append(paths[position].path)
        }
        for path in settled { onChange(path) }
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
            let first = paths[position].firstChange ?? now
            paths[position].firstChange = first
            paths[position].deadline = min(now &+ settleNanoseconds, first &+ 8 &* settleNanoseconds)
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
                let content = place.isLast ? UInt32(IN_CLOSE_WRITE) : 0
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
