import BrokerCore
import CSystem
import Configuration
import Glibc
import PluginABI

/// The other end of ``Preflight``: takes one plugin through its life, with the real settings, in a host that serves
/// nobody. What it publishes goes nowhere, what it keeps is in memory, and whoever it asks about clients hears of none.
enum PreflightRun {
    /// - Parameter file: `DEPTH:PATH`.
    /// - Returns: the exit code: 0 fit, 78 refused with the reason on standard error.
    static func run(_ options: ServeOptions, id: String, file: String) -> Int32 {
        restrain()
        guard let colon = file.firstIndex(of: ":"),
            let depth = BrokerConfiguration.Reload.Preflight(rawValue: String(file[..<colon]))
        else {
            StandardError.write(["the broker itself uses this; see 'hookline plugins reload'"])
            return ExitCode.usage
        }
        do throws(ConfigurationErrors) {
            say("reading the configuration")
            let loaded = try load(options)
            guard var entry = loaded.configuration.plugins.first(where: { $0.id == id }) else {
                StandardError.write(["there is no plugin '\(id)' in the configuration"])
                return ExitCode.badConfiguration
            }
            entry.path = String(file[file.index(after: colon)...])
            entry.sha256 = nil
            do throws(ConfigurationErrors) {
                try rehearse(entry, loaded, depth)
            } catch {
                StandardError.write(error.all.map { words($0, of: entry) })
                return ExitCode.badConfiguration
            }
            return ExitCode.done
        } catch {
            StandardError.write(error.all.map(\.description))
            return ExitCode.badConfiguration
        }
    }

    /// Whose entry it is about stands before it already.
    private static func words(_ error: ConfigurationError, of entry: PluginEntry) -> String {
        if case .plugin(_, let words) = error.problem, error.position == entry.position { return words }
        return error.description
    }

    /// The others on this machine go first, and whatever goes wrong ends soon and leaves no core file.
    private static func restrain() {
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        // Where memory runs out it is this process that goes, and not the broker beside it.
        let weight = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC)
        if weight >= 0 {
            write(weight, "1000", 4)
            close(weight)
        }
        signal(SIGPIPE, SIG_IGN)
        // The crash reports of the Swift runtime are for people and take their time; here nobody reads them.
        for crash in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT] { signal(crash, SIG_DFL) }
        _ = csystem_signal_when_parent_ends(SIGKILL)
    }

    /// The text comes on standard input: what lies on the disk may be another by now.
    private static func load(_ options: ServeOptions) throws(ConfigurationErrors) -> LoadedConfiguration {
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = read(0, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            text += chunk[..<count]
        }
        let file = options.configurationFile ?? ServerConfiguration.usualPlaces.first { access($0, F_OK) == 0 }
        var options = options
        var given = String(decoding: text, as: UTF8.self)
        if let mark = given.ranges(of: Preflight.overlayMark).last {
            options.overlay = try RuntimeOverlay(parsing: Array(given[mark.upperBound...].utf8), file: "overlay")
            given = String(given[..<mark.lowerBound])
        }
        return try ServerConfiguration.load(
            text: given, file: file ?? "plugins.yaml", options,
            environment: ProcessEnvironment.current())
    }

    private static func rehearse(
        _ entry: PluginEntry, _ loaded: LoadedConfiguration, _ depth: BrokerConfiguration.Reload.Preflight
    ) throws(ConfigurationErrors) {
        let staging: StagingDirectory
        do throws(OperationError) {
            staging = try StagingDirectory(in: nil)
        } catch {
            throw ConfigurationErrors([ConfigurationError(.conflict("\(error)"), at: entry.position)])
        }
        let shards = 2
        let pending = (0..<shards).map { PendingHooks(shard: $0) {} }
        let dispatchers = pending.map { HookDispatcher(pending: $0) }
        let table = Monitor(HookTable.empty)
        var environment = PluginEnvironment(checking: loaded.configuration.broker, staging: staging)
        environment.pending = pending
        // The ports of the configuration belong to the code that runs.
        environment.isEphemeral = true
        environment.install = { new, inUse in
            table.withLock { $0 = new }
            inUse()
        }
        let host = PluginHost(environment)
        try host.rehearse(entry, paths: loaded.paths, starts: depth == .start, step: say)
        guard depth == .start else { return host.stop() }
        let installed = table.read { $0 }
        for dispatcher in dispatchers {
            dispatcher.table = installed
            RehearsedCalls.make(installed, dispatcher, step: say)
        }
        say("stop")
        host.stop()
        say("the end of the process")
    }

    private static func say(_ step: String) { StandardError.write(["@\(step)"]) }
}

extension PluginHost {
    /// create and prepare of one entry, and start where that is wanted.
    fileprivate func rehearse(
        _ entry: PluginEntry, paths: PathBase, starts: Bool, step: (String) -> Void
    ) throws(ConfigurationErrors) {
        guard starts else {
            step("loading")
            let loaded = try load(entry, ApplyContext(paths: paths))
            step("create and prepare")
            let prepared = try ThreadKind.with(.worker) { () throws(ConfigurationErrors) in
                try prepare(loaded, paths: paths)
            }
            step("abort and destroy")
            return ThreadKind.with(.control) { prepared.instance.abandon(prepared) }
        }
        step("loading, create, prepare or start")
        var enabled = entry
        enabled.isEnabled = true
        try apply([enabled], paths: paths)
    }
}
