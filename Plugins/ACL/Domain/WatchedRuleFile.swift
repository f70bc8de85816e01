internal import PluginSDK
internal import Synchronization

/// The rule file of one instance and the rules in force: those of the last version of the file that was valid.
final class WatchedRuleFile: Sendable {
    /// Why there are no rules to start with.
    struct Refusal: Error {
        let faults: [String]
        /// The file is not there, or not for us.
        let isUnreadable: Bool
    }

    /// What event loops read.
    let rules: Replaceable<RuleSet>

    private struct Version {
        /// Compared with what is read next, so that an event without a change is no reload.
        var bytes: [UInt8]?
        var ruleCount: Int
        /// Nanoseconds since 1970, UTC.
        var loaded: Int64
    }

    private let path: String
    /// As rules are named: the file without its folder.
    private let name: String
    private let host: PluginHost
    /// Also keeps two events of one change from being handled at once.
    private let version: Mutex<Version>

    init(_ path: String, host: PluginHost) throws(Refusal) {
        self.path = path
        self.host = host
        name = Self.name(of: path)
        let bytes = try Self.read(path)
        let compiled = try Self.compile(bytes, name: name)
        rules = Replaceable(compiled, shards: host.shardCount)
        version = Mutex(Version(bytes: bytes, ruleCount: compiled.count, loaded: host.wallTime))
    }

    /// Follows the file from now on.
    func watch() throws(PluginFailure) {
        guard host.watch(path, { [weak self] in self?.reload() }) else {
            throw .failed("cannot watch \(path) for changes")
        }
        // It may have changed since it was read.
        reload()
    }

    /// Takes a changed file into use, on live connections too; a file with faults changes nothing.
    private func reload() {
        version.withLock { version in
            do throws(Refusal) {
                let bytes = try Self.read(path)
                guard bytes != version.bytes else { return }
                version.bytes = bytes
                let compiled = try Self.compile(bytes, name: name)
                rules.replace(with: compiled)
                // After the exchange: what is asked again from here on is answered by the new rules.
                if !host.recheckSubscriptions() {
                    host.log(.error, "acl.recheck_failed", "live subscriptions keep the verdicts of the old rules")
                }
                version.ruleCount = compiled.count
                version.loaded = host.wallTime
                host.setHealth(.ready)
                host.log(.info, "acl.reloaded", "\(compiled.count) rules in force", ["file": path])
            } catch {
                refuse(error, version)
                // A file that could not be read is reported once, and taken up whatever it holds when it is back.
                if error.isUnreadable { version.bytes = nil }
            }
        }
    }

    private func refuse(_ refusal: Refusal, _ version: Version) {
        if refusal.isUnreadable, version.bytes == nil { return }
        let inForce = "the \(version.ruleCount) rules loaded at \(Self.timeOfDay(version.loaded)) stay in force"
        for fault in refusal.faults.prefix(10) {
            host.log(.error, "acl.reload_refused", "\(fault); \(inForce)", ["file": path])
        }
        if let first = refusal.faults.first { host.setHealth(.degraded, "\(first); \(inForce)") }
    }

    private static func read(_ path: String) throws(Refusal) -> [UInt8] {
        do throws(FileContents.Failure) {
            return try FileContents.read(path, limit: RuleFile.maximumBytes)
        } catch {
            throw Refusal(faults: [error.description], isUnreadable: true)
        }
    }

    private static func compile(_ bytes: [UInt8], name: String) throws(Refusal) -> RuleSet {
        do throws(RuleFileErrors) {
            return RuleSet(try RuleFile(bytes, name: name), name: name)
        } catch {
            throw Refusal(faults: error.all.map(\.description), isUnreadable: false)
        }
    }

    private static func name(of path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }

    /// "10:02:11", UTC as in the log.
    private static func timeOfDay(_ wall: Int64) -> String {
        let seconds = ((wall / 1_000_000_000) % 86_400 + 86_400) % 86_400
        return [seconds / 3600, seconds / 60 % 60, seconds % 60]
            .map { $0 < 10 ? "0\($0)" : "\($0)" }
            .joined(separator: ":")
    }
}
