import Configuration
import PluginABI

/// An entry whose file and settings are in order.
struct LoadedPlugin {
    let entry: PluginEntry
    let image: PluginImage
    let settings: PluginSettings
    let number: UInt64
    let generation: UInt32
}

/// From an entry of plugins.yaml to mapped code and checked settings. No step of a plugin's life has run yet.
extension PluginHost {
    /// Loads of one file that may stay mapped: 30 to 70 KiB each for a Swift plugin.
    private static let maximumMappings = 1000
    /// Rehearsals that are remembered.
    private static let maximumRehearsals = 256

    /// Loads all enabled entries.
    /// - Throws: everything that is wrong, in one go.
    func loadAll(_ entries: [PluginEntry], paths: PathBase) throws(ConfigurationErrors) -> [LoadedPlugin] {
        var loaded: [LoadedPlugin] = []
        var errors: [ConfigurationError] = []
        let context = ApplyContext(paths: paths)
        for entry in entries where entry.isEnabled && !isAwaited(entry, paths) {
            errors += entry.policyFaults()
            do throws(ConfigurationErrors) {
                loaded.append(try load(entry, context))
            } catch {
                errors += error.all
            }
        }
        errors += Self.duplicates(
            loaded.map { ($0.entry, $0.image.description.id, $0.image.description.flags) })
        guard errors.isEmpty else { throw ConfigurationErrors(errors) }
        return loaded
    }

    /// Whether an entry is left out for now: it is optional, and its file is not there. What runs goes on without it.
    func isAwaited(_ entry: PluginEntry, _ paths: PathBase) -> Bool {
        guard entry.isOptional, !state.read({ $0.running.contains { $0.instance.id == entry.id } }),
            (try? search.find(entry, paths: paths)) == nil
        else { return false }
        context.log(
            .info, entry.id, "plugin.awaited",
            "its file is not there; 'hookline plugins reload \(entry.id)' starts it when it is")
        return true
    }

    /// Plugins that are configured more often than they allow.
    static func duplicates(_ plugins: [(entry: PluginEntry, id: String, flags: UInt32)]) -> [ConfigurationError] {
        var errors: [ConfigurationError] = []
        for (index, plugin) in plugins.enumerated() where plugin.flags & HL_MULTI_INSTANCE == 0 {
            let before = plugins[..<index]
            guard let other = before.first(where: { $0.id == plugin.id }) else { continue }
            let words =
                "is \(plugin.id) like '\(other.entry.id)', which can only be configured once"
            errors.append(ConfigurationError(.plugin(id: plugin.entry.id, words), at: plugin.entry.position))
        }
        return errors
    }

    /// Loads one entry as its next generation: staged, looked at, tried in a process of its own where the context says
    /// so, and then mapped.
    func load(_ entry: PluginEntry, _ context: ApplyContext) throws(ConfigurationErrors) -> LoadedPlugin {
        let (number, generation) = state.withLock { state in
            let number = state.numbers[entry.id] ?? UInt64(state.numbers.count + 1)
            state.numbers[entry.id] = number
            state.generations[entry.id, default: 0] += 1
            return (number, state.generations[entry.id] ?? 1)
        }
        let image: PluginImage
        do {
            image = try map(entry, name: "\(entry.id)-\(generation)", context)
        } catch let error as ConfigurationError {
            throw ConfigurationErrors([error])
        } catch let problem as PluginImage.Problem {
            refused(entry, problem)
            throw ConfigurationErrors([ConfigurationError(.plugin(id: entry.id, problem.words), at: entry.position)])
        } catch {
            throw ConfigurationErrors([ConfigurationError(.plugin(id: entry.id, "\(error)"), at: entry.position)])
        }
        do throws(ConfigurationErrors) {
            try checkServices(entry, image)
            var asked = entry
            // Whatever the plugin's settings are, its stand-in has none.
            if image.standsIn { asked.config = nil }
            let settings = try PluginSettings.resolve(asked, keys: image.description.keys, paths: context.paths)
            return LoadedPlugin(
                entry: entry, image: image, settings: settings, number: number, generation: generation)
        } catch {
            discard(image)
            throw error
        }
    }

    /// What was mapped and never ran.
    func discard(_ image: PluginImage) {
        if image.handle != nil { image.unload() } else { keepMapped(image) }
    }

    /// Counts code that stays mapped and that nobody calls any more, and gives its memory back. That of all earlier
    /// generations as well: looking for a conformance, the Swift runtime looks into every image it knows.
    func keepMapped(_ image: PluginImage) {
        let resting = state.withLock { state in
            state.mappings[image.path, default: 0] += 1
            if image.entryAddress != 0 { state.resting.append(RestingCode(around: image.entryAddress)) }
            return state.resting
        }
        for code in resting { code.rest() }
        for code in resting.suffix(RestingCode.recent) { code.pageOut() }
    }

    private func checkMappings(_ path: String) throws(PluginImage.Problem) {
        let mapped = state.read { $0.mappings[path] ?? 0 }
        guard mapped < PluginHost.maximumMappings else {
            throw .init(
                words: "\(path) was loaded \(PluginHost.maximumMappings) times, and every load stays in memory; "
                    + "restart the broker")
        }
    }

    /// What the plugin requires must be there and must be granted: it is never NULL.
    private func checkServices(_ entry: PluginEntry, _ image: PluginImage) throws(ConfigurationErrors) {
        let missing = PluginInstance.missingServices(image.description)
        guard missing.isEmpty else {
            let words =
                "\(image.path) requires \(missing.joined(separator: ", ")), which this broker does not offer; "
                + "update hookline"
            throw ConfigurationErrors([ConfigurationError(.plugin(id: entry.id, words), at: entry.position)])
        }
        let unknown = Self.unknownGrants(entry)
        guard unknown.isEmpty else { throw ConfigurationErrors([unknown[0]]) }
        guard let grants = entry.grants.map(PluginInstance.serviceNames) else { return }
        let refused = (image.description.requiredServices ?? []).filter {
            !["core/1", "config/1"].contains($0) && !grants.contains($0)
        }
        guard refused.isEmpty else {
            let words = "requires \(refused.joined(separator: ", ")), which 'grants' does not list; add it"
            throw ConfigurationErrors([ConfigurationError(.plugin(id: entry.id, words), at: entry.position)])
        }
    }

    /// Services that an entry grants and that do not exist.
    static func unknownGrants(_ entry: PluginEntry) -> [ConfigurationError] {
        let unknown = (entry.grants.map(PluginInstance.serviceNames) ?? [])
            .filter { ServiceTables.byName[$0] == nil }.sorted()
        guard !unknown.isEmpty else { return [] }
        let words = "grants \(unknown.joined(separator: ", ")), which this broker does not offer"
        return [ConfigurationError(.plugin(id: entry.id, words), at: entry.position)]
    }

    private func map(_ entry: PluginEntry, name: String, _ context: ApplyContext) throws -> PluginImage {
        if entry.plugin.hasPrefix("builtin:") { return try builtin(entry) }
        let path = try search.find(entry, paths: context.paths)
        try checkMappings(path)
        let file = try stage(entry, path, name: name)
        try checkQuarantine(entry, file, context)
        if let standIn = standIn(entry, file, context) { return standIn }
        try rehearse(entry, file, context)
        let image = try PluginImage.load(file, mayUnload: entry.allowsUnload)
        let isMapped = state.read { $0.running.contains { $0.image.entryAddress == image.entryAddress } }
        guard !isMapped else {
            throw PluginImage.Problem(words: "\(path): the loader gave the code that runs already; restart the broker")
        }
        if !image.hasNote {
            self.context.log(.debug, entry.id, "plugin.no_note", "\(path) has no \(HL_NOTE_SECTION) section")
        }
        return image
    }

    /// A plugin that is part of the executable.
    func builtin(_ entry: PluginEntry) throws(PluginImage.Problem) -> PluginImage {
        guard let builtin = builtins[String(entry.plugin.dropFirst("builtin:".count))] else {
            let known = builtins.keys.sorted().joined(separator: ", ")
            throw PluginImage.Problem(
                words: "\(entry.plugin) is not part of this executable; known here: \(known.isEmpty ? "none" : known)")
        }
        return try PluginImage.describe(builtin, path: entry.plugin)
    }

    /// Lets new code prove itself in a process of its own. What has done so with these settings need not do it again.
    private func rehearse(
        _ entry: PluginEntry, _ file: StagedFile, _ context: ApplyContext
    ) throws(PluginImage.Problem) {
        guard let preflight = context.preflight, !context.isFirst else { return }
        let trial = "\(entry.id) \(entry.definition) \(file.sha256)"
        guard !state.read({ $0.rehearsed.contains(trial) }) else { return }
        let reload = entry.reload.merged(with: self.context.environment.reload)
        if let words = preflight.judge(entry.id, file, depth: reload.preflight, timeout: reload.preflightTimeout) {
            throw PluginImage.Problem(words: "\(file.source) \(words)", sha256: file.sha256)
        }
        state.withLock { state in
            if state.rehearsed.count >= PluginHost.maximumRehearsals { state.rehearsed = [] }
            state.rehearsed.insert(trial)
        }
    }

    func stage(
        _ entry: PluginEntry, _ path: String, name: String
    ) throws(PluginImage.Problem) -> StagedFile {
        var trust = context.environment.trust
        if trust.requiresPins, entry.sha256 == nil {
            let digest = StagedFile.digest(of: path) ?? "of the file"
            throw .init(words: "\(path) is not pinned, and broker.require_pins is on; add sha256: \(digest)")
        }
        let log = context.log
        trust.warn = { log(.warn, entry.id, "plugin.untrusted", $0) }
        return try StagedFile(
            path, in: context.environment.stagingDirectory, name: name, pin: entry.sha256, trust: trust)
    }

    /// Code that was taken back is not tried again by itself.
    private func checkQuarantine(
        _ entry: PluginEntry, _ file: StagedFile, _ context: ApplyContext
    ) throws(PluginImage.Problem) {
        guard let refusal = state.read({ $0.refusals[entry.id] }), refusal.isQuarantined,
            refusal.sha256 == file.sha256, !context.byHand.contains(entry.id)
        else { return }
        throw .init(
            words: "\(file.source) was taken back: \(refusal.reason); change the file, or insist with "
                + "'hookline plugins reload \(entry.id)'", sha256: file.sha256)
    }
}
