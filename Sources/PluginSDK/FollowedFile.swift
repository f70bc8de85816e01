internal import Locking

/// What a followed file holds, read and checked; immutable.
public protocol FileContent: AnyObject, Sendable {
    /// Bytes; a larger file is refused unread.
    static var sizeLimit: Int { get }

    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - file: its name as messages show it.
    init(_ bytes: [UInt8], file: String) throws(FileRefusal)

    /// What there is of it, for the log: "41 rules".
    var summary: String { get }
}

/// Why a file is not taken into use.
public struct FileRefusal: Error {
    /// One sentence each, with file, line and what to write instead.
    public let faults: [String]

    /// At least one fault.
    public init(_ faults: [String]) {
        self.faults = faults
    }
}

/// A file that a plugin works by, and that its owner edits while the broker runs. A valid edit takes effect at once; a
/// file with faults changes nothing, and the log says where the fault is and what stays in force.
public final class FollowedFile<Content: FileContent>: Sendable {
    private struct Version {
        /// Compared with what is read next, so that an event without a change is no reload; `nil`: could not be read.
        var bytes: [UInt8]?
        /// "41 rules"
        var summary: String
        /// Nanoseconds since 1970, UTC.
        var loaded: Int64
        /// What is wrong with the file now, so that a fault is told once.
        var faults: [String] = []
    }

    private let path: String
    private let subject: String
    private let host: PluginHost
    private let content: Replaceable<Content>
    private let absent: [UInt8]?
    /// Also keeps two events of one change from being handled at once.
    private let version: Locked<Version>

    /// Reads the file, which must be valid to begin with.
    /// - Parameters:
    ///   - path: absolute.
    ///   - subject: first word of the log's events: "acl" for "acl.reloaded".
    ///   - absent: what stands for a file that is not there; `nil`: its absence is a fault.
    public init(_ path: String, subject: String, host: PluginHost, absent: [UInt8]? = nil) throws(FileRefusal) {
        self.path = path
        self.subject = subject
        self.host = host
        self.absent = absent
        let bytes = try Self.read(path, absent)
        let first = try Content(bytes, file: Self.name(of: path))
        content = Replaceable(first, shards: host.shardCount)
        version = Locked(Version(bytes: bytes, summary: first.summary, loaded: host.wallTime))
    }

    /// What is in force, on any thread; valid until `body` returns.
    /// - Parameter shard: the event loop of the call.
    public func read<Result>(shard: Int, _ body: (Content) -> Result) -> Result {
        content.read(shard: shard, body)
    }

    /// What is in force, to be kept beyond the call: for work that takes long, at the cost of a reference count.
    public func current(shard: Int) -> Content {
        content.read(shard: shard) { $0 }
    }

    /// Follows the file from now on; in `Plugin.start`.
    /// - Parameter changed: called on a worker thread after each change, when every new call sees the new content.
    public func follow(_ changed: @escaping @Sendable () -> Void = {}) throws(PluginFailure) {
        guard host.watch(path, { [weak self] in self?.reload(changed) }) else {
            throw .failed("cannot watch \(path) for changes")
        }
        // It may have changed since it was read.
        reload(changed)
    }

    private func reload(_ changed: () -> Void) {
        version.withLock { version in
            do throws(FileRefusal) {
                let known = version.bytes
                version.bytes = nil
                let bytes = try Self.read(path, absent)
                version.bytes = bytes
                guard bytes != known else { return }
                let new = try Content(bytes, file: Self.name(of: path))
                content.replace(with: new)
                changed()
                version.summary = new.summary
                version.loaded = host.wallTime
                version.faults = []
                host.setHealth(.ready)
                host.log(.info, "\(subject).reloaded", "\(new.summary) in force", ["file": path])
            } catch {
                if error.faults != version.faults { refuse(error, version) }
                version.faults = error.faults
            }
        }
    }

    private func refuse(_ refusal: FileRefusal, _ version: Version) {
        let verb = version.summary.hasPrefix("1 ") ? "stays" : "stay"
        let inForce = "the \(version.summary) loaded at \(Self.timeOfDay(version.loaded)) \(verb) in force"
        for fault in refusal.faults.prefix(10) {
            host.log(.error, "\(subject).reload_refused", "\(fault); \(inForce)", ["file": path])
        }
        if let first = refusal.faults.first { host.setHealth(.degraded, "\(first); \(inForce)") }
    }

    private static func read(_ path: String, _ absent: [UInt8]?) throws(FileRefusal) -> [UInt8] {
        do throws(FileContents.Failure) {
            return try FileContents.read(path, limit: Content.sizeLimit)
        } catch {
            if error.isMissing, let absent { return absent }
            throw FileRefusal([error.description])
        }
    }

    private static func name(of path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }

    /// "10:02:11", in UTC.
    private static func timeOfDay(_ wall: Int64) -> String {
        let seconds = ((wall / 1_000_000_000) % 86_400 + 86_400) % 86_400
        return [seconds / 3600, seconds / 60 % 60, seconds % 60]
            .map { $0 < 10 ? "0\($0)" : "\($0)" }
            .joined(separator: ":")
    }
}
