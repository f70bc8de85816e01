import BrokerCore
public import Configuration
import Glibc
import Locking
public import PluginABI

/// Loads plugins, starts their instances in the order of plugins.yaml, and gives the event loops the hook table that
/// follows from them. Enabling, disabling and swapping is always the same: a new table, one swap, then the old instance
/// is stopped.
///
/// `start`, `replace`, `remove` and `stop` are for one thread (the one that the plugins' [control] functions run on)
/// and block; everything else may be called on any thread.
public final class PluginHost: Sendable {
    private struct State {
        var running: [RunningPlugin] = []
        var paths: [String: String] = [:]
        var numbers: [String: UInt64] = [:]
        var generations: [String: UInt32] = [:]
        var tableGeneration: UInt32 = 0
        /// Instances that were stopped, or whose start failed: a stray thread of theirs may still call the host.
        var retired: [PluginInstance] = []
        var retiredHooks: [RunningPlugin] = []
    }

    private let context: PluginContext
    private let search: PluginSearch
    private let builtins: [String: hl_plugin_entry_fn]
    private let state = Locked(State())

    /// Every load stays mapped: 30 to 70 KiB each for a Swift plugin.
    private static let maximumGenerations: UInt32 = 1000
    /// How long a plugin may take to end what it is doing when it is stopped.
    private static let drainNanoseconds: Int64 = 5_000_000_000

    /// - Parameter builtins: entries of plugins that are linked into the executable (HL_STATIC_PLUGIN), by name; they
    ///   are configured as `plugin: builtin:name`.
    public init(_ environment: PluginEnvironment, builtins: [String: hl_plugin_entry_fn] = [:]) {
        context = PluginContext(environment)
        search = PluginSearch(pluginDirectories: environment.pluginDirectories)
        self.builtins = builtins
    }

    /// All registrations of what runs now.
    public var statuses: [PluginStatus] {
        state.withLock { state in
            state.running.map { PluginHost.status($0, path: state.paths[$0.instance.id] ?? "") }
        }
    }

    /// Checks all entries without starting anything: files, versions, settings. Runs the entry function of each plugin
    /// and nothing else of it.
    /// - Throws: everything that is wrong, in one go.
    public func check(_ entries: [PluginEntry], paths: PathBase) throws(ConfigurationErrors) {
        _ = try loadAll(entries, paths: paths)
    }

    /// Starts all enabled entries and installs their hook table. When one fails, those before it are stopped again.
    public func start(_ entries: [PluginEntry], paths: PathBase) throws(ConfigurationErrors) {
        let loaded = try loadAll(entries, paths: paths)
        for plugin in loaded {
            do throws(ConfigurationErrors) {
                let running = try startOne(plugin, paths: paths)
                state.withLock { state in
                    state.running.append(running)
                    state.paths[plugin.entry.id] = plugin.image.path
                }
            } catch {
                stopAll()
                throw error
            }
        }
        install(wait: true)
    }

    /// Puts a new generation of one instance in the place of the old one, or at the end when there is none: the old one
    /// serves until the new one has started, and stays when that fails.
    public func replace(_ entry: PluginEntry, paths: PathBase) throws(ConfigurationErrors) {
        let loaded = try load(entry, paths: paths)
        let running = try startOne(loaded, paths: paths)
        let old = state.withLock { state -> RunningPlugin? in
            state.paths[entry.id] = loaded.image.path
            guard let index = state.running.firstIndex(where: { $0.instance.id == entry.id }) else {
                state.running.append(running)
                return nil
            }
            defer { state.running[index] = running }
            return state.running[index]
        }
        install(wait: true)
        if let old { retire(old) }
    }

    /// Takes one instance out of the chain and stops it; false when there is none of that id.
    public func remove(_ id: String) -> Bool {
        let old = state.withLock { state -> RunningPlugin? in
            guard let index = state.running.firstIndex(where: { $0.instance.id == id }) else { return nil }
            return state.running.remove(at: index)
        }
        guard let old else { return false }
        install(wait: true)
        retire(old)
        return true
    }

    /// Stops everything, in reverse order, and ends all threads. Nothing can be started afterwards.
    public func stop() {
        stopAll()
        context.stop()
    }
}

// MARK: Steps

extension PluginHost {
    /// An entry whose file and settings are in order.
    private struct Loaded {
        let entry: PluginEntry
        let image: PluginImage
        let settings: PluginSettings
        let number: UInt64
        let generation: UInt32
    }

    private func loadAll(_ entries: [PluginEntry], paths: PathBase) throws(ConfigurationErrors) -> [Loaded] {
        var loaded: [Loaded] = []
        var errors: [ConfigurationError] = []
        for entry in entries where entry.isEnabled {
            do throws(ConfigurationErrors) {
                let plugin = try load(entry, paths: paths)
                if plugin.image.description.flags & HL_MULTI_INSTANCE == 0,
                    let other = loaded.first(where: { $0.image.description.id == plugin.image.description.id })
                {
                    let words =
                        "is \(plugin.image.description.id) like '\(other.entry.id)', which can only be "
                        + "configured once"
                    throw ConfigurationErrors([ConfigurationError(.plugin(id: entry.id, words), at: entry.position)])
                }
                loaded.append(plugin)
            } catch {
                errors += error.all
            }
        }
        guard errors.isEmpty else { throw ConfigurationErrors(errors) }
        return loaded
    }

    private func load(_ entry: PluginEntry, paths: PathBase) throws(ConfigurationErrors) -> Loaded {
        let (number, generation) = state.withLock { state in
            let number = state.numbers[entry.id] ?? UInt64(state.numbers.count + 1)
            state.numbers[entry.id] = number
            state.generations[entry.id, default: 0] += 1
            return (number, state.generations[entry.id] ?? 1)
        }
        guard generation <= PluginHost.maximumGenerations else {
            let words =
                "was loaded \(PluginHost.maximumGenerations) times, and every load stays in memory; "
                + "restart the broker"
            throw ConfigurationErrors([ConfigurationError(.plugin(id: entry.id, words), at: entry.position)])
        }
        let image: PluginImage
        do {
            image = try map(entry, name: "\(entry.id)-\(generation)", paths: paths)
        } catch let error as ConfigurationError {
            throw ConfigurationErrors([error])
        } catch let problem as PluginImage.Problem {
            throw ConfigurationErrors([ConfigurationError(.plugin(id: entry.id, problem.words), at: entry.position)])
        } catch {
            throw ConfigurationErrors([ConfigurationError(.plugin(id: entry.id, "\(error)"), at: entry.position)])
        }
        let missing = PluginInstance.missingServices(image.description)
        guard missing.isEmpty else {
            let words =
                "\(image.path) requires \(missing.joined(separator: ", ")), which this broker does not offer; "
                + "update hookline"
            throw ConfigurationErrors([ConfigurationError(.plugin(id: entry.id, words), at: entry.position)])
        }
        let settings = try PluginSettings.resolve(entry, keys: image.description.keys, paths: paths)
        return Loaded(entry: entry, image: image, settings: settings, number: number, generation: generation)
    }

    private func map(_ entry: PluginEntry, name: String, paths: PathBase) throws -> PluginImage {
        if entry.plugin.hasPrefix("builtin:") {
            guard let builtin = builtins[String(entry.plugin.dropFirst("builtin:".count))] else {
                let known = builtins.keys.sorted().joined(separator: ", ")
                throw PluginImage.Problem(
                    words:
                        "\(entry.plugin) is not part of this executable; known here: \(known.isEmpty ? "none" : known)")
            }
            return try PluginImage.describe(builtin, path: entry.plugin)
        }
        let path = try search.find(entry, paths: paths)
        let image = try PluginImage.load(path, staging: context.environment.stagingDirectory, name: name)
        if !image.hasNote {
            context.log(.debug, entry.id, "plugin.no_note", "\(path) has no \(HL_NOTE_SECTION) section")
        }
        return image
    }

    private func startOne(_ loaded: Loaded, paths: PathBase) throws(ConfigurationErrors) -> RunningPlugin {
        let entry = loaded.entry
        let instance = PluginInstance(
            id: entry.id, number: loaded.number, generation: loaded.generation, description: loaded.image.description,
            context: context, registrationsChanged: { [weak self] in self?.install(wait: false) })
        let tree = ConfigTree(loaded.settings, instance: entry.id, owner: instance.handle, paths: paths)
        do throws(PluginInstance.StartFailure) {
            let running = try instance.start(tree)
            context.log(
                .info, entry.id, "plugin.started", "",
                [
                    (key: "kind", value: loaded.image.description.id),
                    (key: "version", value: loaded.image.description.version),
                    (key: "generation", value: "\(loaded.generation)"), (key: "file", value: loaded.image.path),
                ])
            return running
        } catch {
            state.withLock { $0.retired.append(instance) }
            throw ConfigurationErrors(
                error.configuration
                    + error.words.map { ConfigurationError(.plugin(id: entry.id, $0), at: entry.position) })
        }
    }

    /// Makes the table of what runs now and hands it out.
    private func install(wait: Bool) {
        let isInUse = Monitor(false)
        state.withLock { state in
            state.tableGeneration &+= 1
            let table = HookTable(generation: state.tableGeneration, entries: state.running.flatMap(\.entries))
            // Under the lock, so that two tables cannot overtake each other.
            context.environment.install(table) { isInUse.withLock { $0 = true } }
        }
        if wait { _ = isInUse.wait { isDone, _ in isDone ? true : nil } }
    }

    private func retire(_ running: RunningPlugin) {
        running.instance.stop(running, deadline: monotonicNow() + PluginHost.drainNanoseconds)
        state.withLock { state in
            state.retired.append(running.instance)
            state.retiredHooks.append(running)
        }
    }

    private func stopAll() {
        let running = state.withLock { state in
            defer { state.running = [] }
            return state.running
        }
        guard !running.isEmpty else { return }
        install(wait: true)
        for plugin in running.reversed() { retire(plugin) }
    }

    private static func status(_ running: RunningPlugin, path: String) -> PluginStatus {
        let instance = running.instance
        let health = instance.health
        let names = ["ready", "starting", "degraded", "failed"]
        return PluginStatus(
            id: instance.id, plugin: instance.description.id, version: instance.description.version, path: path,
            generation: instance.generation,
            health: Int(health.level) < names.count ? names[Int(health.level)] : "unknown", healthText: health.text,
            hooks: running.entries.map { HookTable.name(of: $0.hook) }, failures: running.hooks.failures,
            pending: running.hooks.pendingCalls, droppedEvents: running.hooks.events.dropped)
    }
}
