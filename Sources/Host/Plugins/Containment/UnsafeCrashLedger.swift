import BrokerCore
import CContainment
import Glibc

/// What is remembered of plugins that crashed the broker, in the run directory: who ran, who was to blame, and how
/// often. Read and written on the keeper's thread; what a crash leaves is written by its signal handler.
///
/// @unchecked Sendable: `crashes` is behind the monitor; the mapping is set once and written by signal handlers alone.
final class CrashLedger: @unchecked Sendable {
    /// One crash.
    struct Crash: Equatable, Sendable {
        /// Wall clock, seconds.
        var time: Int64
        var plugin: String
        /// Of the file; `-` when it is not known.
        var sha256: String
        /// What it was registered for.
        var hooks: [UInt32]
        /// For people: `SIGSEGV in hook acl.publish`.
        var words: String

        var line: String {
            let numbers = hooks.isEmpty ? "-" : hooks.map(String.init).joined(separator: ",")
            return "\(time) \(plugin) \(sha256) \(numbers) \(words)"
        }

        init(time: Int64, plugin: String, sha256: String, hooks: [UInt32], words: String) {
            self.time = time
            self.plugin = plugin
            self.sha256 = sha256
            self.hooks = hooks
            self.words = words
        }

        init?(_ line: Substring) {
            let parts = line.split(separator: " ", maxSplits: 4)
            guard parts.count == 5, let time = Int64(parts[0]) else { return nil }
            self.init(
                time: time, plugin: String(parts[1]), sha256: String(parts[2]),
                hooks: parts[3].split(separator: ",").compactMap { UInt32($0) }, words: String(parts[4]))
        }
    }

    /// Crash that ended the process before this one; nil: none did, or no plugin was to blame.
    let latest: Crash?
    private let folder: String
    private let limit: Int
    private let crashes: Monitor<[Crash]>
    private static let maximumLines = 300

    /// - Parameters:
    ///   - folder: the run directory.
    ///   - limit: crashes of one file that are enough; 0: none are.
    ///   - window: seconds after which a crash is forgotten.
    init(folder: String, limit: Int, window: Int64, now: Int64 = Int64(time(nil))) {
        self.folder = folder
        self.limit = limit
        let known = (SmallFile.readText(folder + "/crashes") ?? "").split(separator: "\n").compactMap { Crash($0) }
        var recent = known.filter { $0.time > now - window }
        let blame = CrashLedger.open(folder + "/blame")
        latest = blame.last.map { CrashLedger.crash($0, running: SmallFile.readText(folder + "/running") ?? "") }
        if let latest { recent.append(latest) }
        crashes = Monitor(recent)
        hc_install(blame.place)
        write(recent)
    }

    /// Notes what runs now, for whoever has to explain a crash.
    func note(_ running: [(id: String, generation: UInt32, sha256: String, hooks: [UInt32])]) {
        let lines = running.map { plugin in
            let hooks = plugin.hooks.isEmpty ? "-" : plugin.hooks.map(String.init).joined(separator: ",")
            return "\(plugin.id) \(plugin.generation) \(plugin.sha256.isEmpty ? "-" : plugin.sha256) \(hooks)\n"
        }
        try? SmallFile.replace(folder + "/running", with: lines.joined(), mode: 0o600)
    }

    /// The crashes of a file, when they are too many.
    func verdict(_ id: String, _ sha256: String) -> [Crash]? {
        let found = crashes.read { $0.filter { $0.plugin == id && $0.sha256 == sha256 } }
        return limit > 0 && found.count >= limit ? found : nil
    }

    /// Somebody insists on a file: it begins anew.
    func forgive(_ id: String) {
        let rest = crashes.withLock { crashes in
            crashes.removeAll { $0.plugin == id }
            return crashes
        }
        write(rest)
    }

    private func write(_ crashes: [Crash]) {
        let text = crashes.suffix(Self.maximumLines).map { $0.line + "\n" }.joined()
        try? SmallFile.replace(folder + "/crashes", with: text, mode: 0o600)
    }

    /// Maps the file that the handler writes to, emptied; what it held comes back.
    private static func open(_ path: String) -> (place: UnsafeMutablePointer<hc_blame>?, last: hc_blame?) {
        let size = MemoryLayout<hc_blame>.size
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return (nil, nil) }
        defer { close(descriptor) }
        guard ftruncate(descriptor, size) == 0,
            let place = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), place != MAP_FAILED
        else { return (nil, nil) }
        let blame = place.bindMemory(to: hc_blame.self, capacity: 1)
        let last = blame.pointee
        memset(place, 0, size)
        return (blame, last.magic == hc_blame_magic ? last : nil)
    }

    private static func crash(_ blame: hc_blame, running: String) -> Crash {
        // Written by a process that crashed: bytes, not promises.
        func text<Bytes>(_ bytes: Bytes) -> String {
            withUnsafeBytes(of: bytes) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }
        let id = text(blame.plugin)
        let generation = "\(blame.generation)"
        var line: [Substring]?
        for candidate in running.split(separator: "\n") {
            let parts = candidate.split(separator: " ")
            if parts.count == 4, String(parts[0]) == id, String(parts[1]) == generation { line = parts }
        }
        let place = blame.hook == 0 ? text(blame.step) : "hook \(HookTable.name(of: blame.hook))"
        let what =
            blame.hung != 0
            ? "did not come back" : ChildProcess.name(ofSignal: Int32(truncatingIfNeeded: blame.signal))
        var hooks: [UInt32] = []
        if let line { hooks = line[3].split(separator: ",").compactMap { UInt32($0) } }
        let digest: String = line.map { String($0[2]) } ?? "-"
        return Crash(
            time: blame.time / 1_000_000_000, plugin: id, sha256: digest, hooks: hooks,
            words: "\(what) in \(place) of generation \(blame.generation)")
    }
}
