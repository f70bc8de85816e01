public import Configuration
import PluginABI
import PluginFile

/// Looking at entries without running a line of any plugin.
extension PluginHost {
    /// Checks the enabled entries: files, versions, settings, policies of hooks.
    ///
    /// Everything is read from the files: the note says what a plugin is, the table of settings (HL_PLUGIN makes it)
    /// what may stand under `config`. What only the plugin itself can judge, such as the content of a rule file, is not
    /// judged here.
    /// - Returns: everything that is wrong, and what could not be checked.
    public func check(
        _ entries: [PluginEntry], paths: PathBase
    ) -> (errors: [ConfigurationError], warnings: [ConfigurationWarning]) {
        var errors: [ConfigurationError] = []
        var warnings: [ConfigurationWarning] = []
        var known: [(entry: PluginEntry, id: String, flags: UInt32)] = []
        for (number, entry) in entries.enumerated() where entry.isEnabled && !isAwaited(entry, paths) {
            errors += entry.policyFaults() + Self.unknownGrants(entry)
            guard !isAwaited(entry, paths) else { continue }
            do throws(ConfigurationErrors) {
                let (note, keys) = try look(entry, name: "check-\(number)", paths)
                if let note { known.append((entry, note.id, note.flags)) }
                guard let keys else {
                    let words =
                        "plugin '\(entry.id)': its settings are checked when it is loaded: the file has no table of "
                        + "them (HL_PLUGIN and HL_PLUGIN_KEYS make one)"
                    warnings.append(ConfigurationWarning(position: entry.position, message: words))
                    continue
                }
                _ = try PluginSettings.resolve(entry, keys: keys, paths: paths)
            } catch {
                errors += error.all
            }
        }
        return (errors + Self.duplicates(known), warnings)
    }

    /// What an entry's file says; nil where only running it would tell.
    private func look(
        _ entry: PluginEntry, name: String, _ paths: PathBase
    ) throws(ConfigurationErrors) -> (note: ELFFile.Note?, keys: [DeclaredKey]?) {
        do {
            // Part of this executable, so none of anybody else's code.
            if entry.plugin.hasPrefix("builtin:") {
                let image = try builtin(entry)
                return (nil, image.description.keys)
            }
            let path = try search.find(entry, paths: paths)
            let file = try stage(entry, path, name: name)
            return (file.note, try file.settings.map { try PluginDescription.keys($0) })
        } catch let error as ConfigurationError {
            throw ConfigurationErrors([error])
        } catch let problem as PluginImage.Problem {
            throw ConfigurationErrors([ConfigurationError(.plugin(id: entry.id, problem.words), at: entry.position)])
        } catch let problem as PluginDescription.Problem {
            throw ConfigurationErrors([ConfigurationError(.plugin(id: entry.id, problem.words), at: entry.position)])
        } catch {
            throw ConfigurationErrors([ConfigurationError(.plugin(id: entry.id, "\(error)"), at: entry.position)])
        }
    }
}
