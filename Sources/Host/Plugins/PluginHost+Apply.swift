import BrokerCore
public import Configuration
import PluginABI

/// What a change of the list of plugins did.
public struct PluginChanges: Sendable, Equatable {
    /// Instances that did not run before.
    public var started: [String] = []
    /// Instances of which a new generation took over.
    public var replaced: [String] = []
    /// Instances that took new settings into use (`commit`).
    public var reconfigured: [String] = []
    /// Instances that run no longer.
    public var stopped: [String] = []
    /// The hooks are called in another order.
    public var isReordered = false

    /// Nothing was different.
    public init() {}
}

/// One edit of plugins.yaml: all of it, or nothing.
///
/// The steps, each for all instances before the next begins: load files and check settings; `create` and `prepare`;
/// `start` of new generations; the check of the caller; then what cannot fail: `commit`, the new hook table, the stop
/// of what is not needed any more.
extension PluginHost {
    /// A last look, before anything takes effect, at what would run: ids and their hooks.
    public typealias Verify = @Sendable ([(id: String, hooks: [String])]) throws(ConfigurationErrors) -> Void

    /// Makes the enabled entries, in their order, what runs. What is unchanged goes on untouched.
    /// - Parameters:
    ///   - renewing: ids whose code is loaded again although their entries are unchanged.
    ///   - verify: see ``Verify``; also asked when a changed file is taken up later.
    /// - Throws: everything that is wrong; nothing has changed then.
    @discardableResult
    public func apply(
        _ entries: [PluginEntry], paths: PathBase, renewing: Set<String> = [],
        verify: @escaping Verify = { (_) throws(ConfigurationErrors) in }
    ) throws(ConfigurationErrors) -> PluginChanges {
        var context = ApplyContext(paths: paths)
        context.verify = verify
        return try apply(entries, renewing: renewing, context)
    }

    /// As ``apply(_:paths:renewing:verify:)``, with everything that can be said about a change.
    func apply(
        _ entries: [PluginEntry], renewing: Set<String>, _ context: ApplyContext
    ) throws(ConfigurationErrors) -> PluginChanges {
        try keeper.sync { [self] in applyNow(entries, renewing: renewing, context) }.get()
    }

    /// Does the same without waiting; `then` runs on the keeper's thread.
    func applyLater(
        _ entries: [PluginEntry], renewing: Set<String>, _ context: ApplyContext,
        then: @escaping @Sendable (Result<PluginChanges, ConfigurationErrors>) -> Void
    ) {
        keeper.async { [self] in then(applyNow(entries, renewing: renewing, context)) }
    }

    /// On the keeper's thread.
    func applyNow(
        _ entries: [PluginEntry], renewing: Set<String>, _ context: ApplyContext
    ) -> Result<PluginChanges, ConfigurationErrors> {
        let began = monotonicNow()
        // Whoever asks for one by its name wants to know that it is not there.
        let present = entries.filter {
            $0.isEnabled && (renewing.contains($0.id) || !isAwaited($0, context.paths))
        }
        let change = Change(self, present, renewing: renewing, context)
        do throws(ConfigurationErrors) {
            try change.load()
            try ThreadKind.with(.worker) { () throws(ConfigurationErrors) in try change.prepare() }
            try ThreadKind.with(.control) { () throws(ConfigurationErrors) in try change.start() }
            try context.verify(change.outlook)
        } catch {
            ThreadKind.with(.control) { change.undo() }
            refused(renewing, error, since: began)
            if renewing.isEmpty { awaitFiles(of: entries) }
            return .failure(error)
        }
        state.withLock { $0.lastContext = context }
        let changes = ThreadKind.with(.control) { change.commit() }
        follow()
        if renewing.isEmpty { awaitFiles(of: []) }
        noteRunning()
        return .success(changes)
    }
}

/// What a change is made with, beside the entries.
struct ApplyContext: Sendable {
    /// Where relative paths of settings start.
    var paths: PathBase
    var verify: PluginHost.Verify = { (_) throws(ConfigurationErrors) in }
    /// Tries new code in a process of its own; nil: it is not tried.
    var preflight: Preflight?
    /// Nothing runs yet that new code could harm: it is not tried.
    var isFirst = false
    /// Ids somebody asked for by name: what was taken back may come again.
    var byHand: Set<String> = []

    init(paths: PathBase) { self.paths = paths }
}

/// One change on its way. [control]
private final class Change {
    /// What becomes of one entry.
    private enum Part {
        case kept(RunningPlugin)
        /// New settings for the code that runs.
        case reconfigured(RunningPlugin, PluginSettings, ConfigTree?)
        /// New code, in the place of `old` or beside the others.
        case new(LoadedPlugin, old: RunningPlugin?, PreparedPlugin?, RunningPlugin?)
    }

    private let host: PluginHost
    private let entries: [PluginEntry]
    private let context: ApplyContext
    private var paths: PathBase { context.paths }
    private let renewing: Set<String>
    private let before: [RunningPlugin]
    private var parts: [Part] = []

    init(_ host: PluginHost, _ entries: [PluginEntry], renewing: Set<String>, _ context: ApplyContext) {
        self.host = host
        self.entries = entries
        self.context = context
        self.renewing = renewing
        before = host.state.read { $0.running }
    }

    // MARK: Steps that may fail

    func load() throws(ConfigurationErrors) {
        var errors: [ConfigurationError] = []
        for entry in entries {
            errors += entry.policyFaults()
            do throws(ConfigurationErrors) {
                parts.append(try part(entry))
            } catch {
                errors += error.all
            }
        }
        if errors.isEmpty {
            errors += PluginHost.duplicates(
                zip(entries, parts).map { entry, part in
                    let description =
                        switch part {
                        case .kept(let running), .reconfigured(let running, _, _): running.instance.description
                        case .new(let loaded, _, _, _): loaded.image.description
                        }
                    return (entry, description.id, description.flags)
                })
        }
        guard errors.isEmpty else { throw ConfigurationErrors(errors) }
    }

    private func part(_ entry: PluginEntry) throws(ConfigurationErrors) -> Part {
        guard let old = before.first(where: { $0.instance.id == entry.id }) else {
            return .new(try host.load(entry, context), old: nil, nil, nil)
        }
        guard !renewing.contains(entry.id), old.entry.code == entry.code else {
            try checkReplaceable(entry)
            return .new(try host.load(entry, context), old: old, nil, nil)
        }
        if old.entry.settings == entry.settings { return .kept(old) }
        // Without prepare and commit a new setting makes a new instance.
        guard old.instance.takesNewSettings else {
            try checkReplaceable(entry)
            return .new(try host.load(entry, context), old: old, nil, nil)
        }
        let settings = try PluginSettings.resolve(entry, keys: old.instance.description.keys, paths: paths)
        return .reconfigured(old, settings, nil)
    }

    /// What the broker stands on cannot be taken away from under it.
    private func checkReplaceable(_ entry: PluginEntry) throws(ConfigurationErrors) {
        guard host.state.read({ $0.heldByBroker.contains(entry.id) }) else { return }
        let words = "keeps what the broker has acknowledged and cannot be replaced while it runs; restart the broker"
        throw ConfigurationErrors([ConfigurationError(.plugin(id: entry.id, words), at: entry.position)])
    }

    func prepare() throws(ConfigurationErrors) {
        var errors: [ConfigurationError] = []
        for (index, part) in parts.enumerated() {
            do throws(ConfigurationErrors) {
                switch part {
                case .kept: break
                case .reconfigured(let running, let settings, _):
                    let tree = try running.instance.prepareAnew(settings, paths: paths)
                    parts[index] = .reconfigured(running, settings, tree)
                case .new(let loaded, let old, _, _):
                    parts[index] = .new(loaded, old: old, try host.prepare(loaded, paths: paths), nil)
                }
            } catch {
                errors += error.all
            }
        }
        guard errors.isEmpty else { throw ConfigurationErrors(errors) }
    }

    func start() throws(ConfigurationErrors) {
        for (index, part) in parts.enumerated() {
            guard case .new(let loaded, let old, let prepared?, nil) = part else { continue }
            // Taken out first: a start that fails has cleaned up after itself.
            parts[index] = .new(loaded, old: old, nil, nil)
            let running = try host.start(loaded, prepared)
            parts[index] = .new(loaded, old: old, nil, running)
            guard let old else { continue }
            switch Handover.transfer(HL_STATE_BULK, from: old.instance, to: running.instance) {
            case .done: break
            case .cold(let reason): running.instance.log(.warn, "plugin.cold_start", reason)
            case .refused:
                throw ConfigurationErrors([
                    ConfigurationError(
                        .plugin(id: loaded.entry.id, "does not take over the state of the generation that runs"),
                        at: loaded.entry.position)
                ])
            }
        }
    }

    /// What would run, with its hooks.
    var outlook: [(id: String, hooks: [String])] {
        after.map { running in (running.instance.id, running.entries.map { HookTable.name(of: $0.hook) }) }
    }

    private var after: [RunningPlugin] {
        parts.compactMap { part in
            switch part {
            case .kept(let running), .reconfigured(let running, _, _): running
            case .new(_, _, _, let running): running
            }
        }
    }

    /// Takes back everything: as if nothing had been.
    func undo() {
        for part in parts.reversed() {
            switch part {
            case .kept: break
            case .reconfigured(let running, _, let tree): if let tree { running.instance.abort(tree) }
            case .new(let loaded, _, let prepared, let running):
                if let prepared { prepared.instance.abandon(prepared) }
                if let running { host.retire(running) } else { host.keepMapped(loaded.image) }
            }
        }
    }

    // MARK: Steps that cannot fail

    func commit() -> PluginChanges {
        var changes = PluginChanges()
        for (index, part) in parts.enumerated() {
            switch part {
            case .kept(var running):
                running.entry = entries[index]
                parts[index] = .kept(running)
            case .reconfigured(var running, let settings, let tree):
                guard let tree else { continue }
                running.instance.commit(tree)
                running.entry = entries[index]
                parts[index] = .reconfigured(running, settings, tree)
                changes.reconfigured.append(running.instance.id)
            case .new(let loaded, let old, _, _):
                if old == nil {
                    changes.started.append(loaded.entry.id)
                } else {
                    changes.replaced.append(loaded.entry.id)
                }
            }
        }
        let after = after
        let ids = after.map(\.instance.id)
        changes.stopped = before.map(\.instance.id).filter { !ids.contains($0) }
        let common = before.map(\.instance.id).filter(ids.contains)
        changes.isReordered = common != ids.filter(common.contains)
        host.state.withLock { state in
            state.running = after
            for case .new(let loaded, _, _, _) in parts { PluginHost.forgetBreakers(of: loaded.number, &state) }
        }
        host.install()
        for part in parts {
            guard case .new(_, let old, _, let running?) = part else { continue }
            if let old { _ = Handover.transfer(HL_STATE_DELTA, from: old.instance, to: running.instance) }
            running.instance.beginConsumers()
        }
        for old in before.reversed() where !after.contains(where: { $0.instance === old.instance }) {
            let successor = after.first { $0.instance.id == old.instance.id }
            host.replaced(old, by: successor)
        }
        return changes
    }
}

extension PluginEntry {
    /// Which code it runs, and what that may do.
    fileprivate var code: String {
        "\(plugin) \(path ?? "") \(grants.map { $0.joined(separator: ",") } ?? "all") \(sha256 ?? "") \(allowsUnload)"
    }

    /// What its settings mean, wherever they stand in the file.
    fileprivate var settings: String { config.map { JSONText($0).rendered } ?? "" }

    /// What the entry means, wherever it stands in the file.
    var definition: String { ([code, settings, "\(reload)"] + hooks.map(\.definition)).joined(separator: " ") }
}
