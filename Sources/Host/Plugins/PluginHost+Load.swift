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
    /// Every load stays mapped: 30 to 70 KiB each for a Swift plugin.
    private static let maximumGenerations: UInt32 = 1000

    /// Loads all enabled entries.
    /// - Throws: everything that is wrong, in one go.
    func loadAll(_ entries: [PluginEntry], paths: PathBase) throws(ConfigurationErrors) -> [LoadedPlugin] {
        var loaded: [LoadedPlugin] = []
        var errors: [ConfigurationError] = []
        for entry in entries where entry.isEnabled {
            errors += entry.policyFaults()
            do throws(ConfigurationErrors) {
                loaded.append(try load(entry, paths: paths))
            } catch {
                errors += error.all
            }
        }
        errors += Self.duplicates(loaded.map { ($0.entry, $0.image.description) })
        guard errors.isEmpty else { throw ConfigurationErrors(errors) }
        return loaded
    }

    /// Plugins that are configured more often than they allow.
    static func duplicates(_ plugins: [(entry: PluginEntry, description: PluginDescription)]) -> [ConfigurationError] {
        var errors: [ConfigurationError] = []
        for (index, plugin) in plugins.enumerated() where plugin.description.flags & HL_MULTI_INSTANCE == 0 {
            let before = plugins[..<index]
            guard let other = before.first(where: { $0.description.id == plugin.description.id }) else { continue }
            let words =
                "is \(plugin.description.id) like '\(other.entry.id)', which can only be configured once"
            errors.append(ConfigurationError(.plugin(id: plugin.entry.id, words), at: plugin.entry.position))
        }
        return errors
    }

    /// Loads one entry as its next generation.
    func load(_ entry: PluginEntry, paths: PathBase) throws(ConfigurationErrors) -> LoadedPlugin {
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
        try checkServices(entry, image)
        let settings = try PluginSettings.resolve(entry, keys: image.description.keys, paths: paths)
        return LoadedPlugin(entry: entry, image: image, settings: settings, number: number, generation: generation)
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
        guard let grants = entry.grants.map(PluginInstance.serviceNames) else { return }
        let unknown = grants.filter { ServiceTables.byName[$0] == nil }.sorted()
        let refused = (image.description.requiredServices ?? []).filter {
            !["core/1", "config/1"].contains($0) && !grants.contains($0)
        }
        var words: [String] = []
        if !unknown.isEmpty {
            words.append("grants \(unknown.joined(separator: ", ")), which this broker does not offer")
        }
        if !refused.isEmpty {
            words.append("requires \(refused.joined(separator: ", ")), which 'grants' does not list; add it")
        }
        guard words.isEmpty else {
            throw ConfigurationErrors(
                words.map { ConfigurationError(.plugin(id: entry.id, $0), at: entry.position) })
        }
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
}
