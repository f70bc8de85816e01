import Configuration

/// `hookline check`, and what a broker says that does not start: everything that is wrong with the configuration, its
/// listeners' files and its plugins, in one go. No code of a plugin runs.
struct ConfigurationCheck {
    /// Nil: all is well.
    private(set) var failure: StartFailure?
    /// True but worth a look.
    private(set) var warnings: [ConfigurationWarning] = []
    /// What was checked.
    private(set) var source = ConfigurationSource.builtIn

    init(_ options: ServeOptions) {
        var (loaded, errors) = ServerConfiguration.examine(options)
        // Said already, in the words of whoever reads the file.
        let missing = Set(errors.filter(\.isMissingPlugin).map(\.position))
        loaded?.configuration.plugins.removeAll { missing.contains($0.position) }
        let broken = Set(errors.compactMap(\.listenerName))
        loaded?.configuration.listeners.removeAll { broken.contains($0.name) }
        if let loaded {
            source = loaded.source
            warnings = loaded.warnings
            errors += Self.listenerErrors(loaded)
            do throws(StartFailure) {
                let plugins = try Startup.checkPlugins(loaded)
                errors += plugins.errors
                warnings += plugins.warnings
            } catch {
                failure = error
            }
        }
        if let errors = ConfigurationErrors(collecting: errors) { failure = StartFailure(errors) }
    }

    private static func listenerErrors(_ loaded: LoadedConfiguration) -> [ConfigurationError] {
        do throws(ConfigurationErrors) {
            _ = try ListenerLayers.make(loaded.configuration)
            return []
        } catch {
            return error.all
        }
    }
}

extension ConfigurationError {
    fileprivate var isMissingPlugin: Bool {
        if case .pluginFileMissing = problem { true } else { false }
    }

    /// The listener that it is about, where it is one that could be read.
    fileprivate var listenerName: String? {
        if case .listener(let name, _) = problem { name } else { nil }
    }
}
