public import PositionedYAML

/// A configuration that passed every check, and where it came from.
public struct LoadedConfiguration: Sendable {
    /// The merged values.
    public var configuration: ServerConfiguration
    /// For the first log line.
    public var source: ConfigurationSource
    /// True but worth a look; each is one WARN line.
    public var warnings: [ConfigurationWarning]
    /// Who set what: paths of ``SettingsTable``; a missing path has its default.
    public var origins: [String: Origin]
    /// Where relative paths in the configuration of plugins start.
    public var paths: PathBase
    /// Settings changed at run time that went into it.
    public var overlay = RuntimeOverlay()
    /// The file's text as it was read; nil without a file.
    public var text: [UInt8]?
}

/// Where a configuration was read from.
public enum ConfigurationSource: Hashable, Sendable, CustomStringConvertible {
    /// The path as given or found.
    case file(String)
    /// No file in the usual places.
    case builtIn

    /// As the first log line names it.
    public var description: String {
        switch self {
        case .file(let path): path
        case .builtIn: "built-in defaults (no \(ServerConfiguration.usualPlaces.joined(separator: ", no ")))"
        }
    }
}

/// Something to look at that does not stop the broker.
public struct ConfigurationWarning: Hashable, Sendable, CustomStringConvertible {
    /// Where.
    public var position: SourcePosition
    /// What, and what to do.
    public var message: String

    /// A warning about a place.
    public init(position: SourcePosition, message: String) {
        self.position = position
        self.message = message
    }

    /// `plugins.yaml:2:3: what`
    public var description: String { "\(position): \(message)" }
}

extension ServerConfiguration {
    /// Looked for in this order when no `-c` is given.
    public static let usualPlaces = ["plugins.yaml", "/etc/hookline/plugins.yaml"]

    /// Merges defaults, file, environment and command line, and checks the result.
    ///
    /// Reads the file (at most 1 MiB) and asks the file system whether the files named in it are there; changes
    /// nothing, runs no plugin.
    /// - Throws: everything that is wrong, in one go. The exit code for that is 78.
    public static func load(
        _ options: ServeOptions, environment: [String: String] = ProcessEnvironment.current(),
        support: TransportSupport = .current
    ) throws(ConfigurationErrors) -> LoadedConfiguration {
        let (options, text, file) = try sources(options, environment)
        return try ConfigurationLoad.run(options, environment, support, text: text, file: file)
    }

    /// As ``load(_:environment:support:)`` for checks that go on where a broker would not start: what could be read,
    /// and everything that is wrong with the rest. Nothing could be read when there is nothing to show for it.
    public static func examine(
        _ options: ServeOptions, environment: [String: String] = ProcessEnvironment.current(),
        support: TransportSupport = .current
    ) -> (loaded: LoadedConfiguration?, errors: [ConfigurationError]) {
        do throws(ConfigurationErrors) {
            let (options, text, file) = try sources(options, environment)
            return ConfigurationLoad.examine(options, environment, support, text: text, file: file)
        } catch {
            return (nil, error.all)
        }
    }

    /// The options with the overlay, and the file with its text.
    private static func sources(
        _ options: ServeOptions, _ environment: [String: String]
    ) throws(ConfigurationErrors) -> (options: ServeOptions, text: [UInt8]?, file: String?) {
        var options = options
        if options.overlay == nil {
            let directory = dataDirectory(options, environment: environment)
            options.overlay = try RuntimeOverlay.read(dataDirectory: directory)
        }
        guard let path = options.configurationFile ?? usualPlaces.first(where: FileAccess.exists) else {
            return (options, nil, nil)
        }
        switch FileAccess.read(path, limit: YAMLLimits().maxBytes) {
        case .success(let text): return (options, text, path)
        case .failure(let error):
            throw ConfigurationErrors([
                ConfigurationError(.unreadableConfiguration(reason: error.words), at: SourcePosition(source: path))
            ])
        }
    }

    /// `data_dir` as a broker with these options would see it, whatever else is wrong with the configuration.
    static func dataDirectory(_ options: ServeOptions, environment: [String: String]) -> String {
        guard !options.isEphemeral else { return "" }
        let path = options.configurationFile ?? usualPlaces.first(where: FileAccess.exists)
        var text: [UInt8]?
        if let path, case .success(let bytes) = FileAccess.read(path, limit: YAMLLimits().maxBytes) { text = bytes }
        return ConfigurationLoad.dataDirectory(options, environment, text: text, file: text == nil ? nil : path)
    }

    /// As ``load(_:environment:support:)`` for a text in hand, for tools and tests.
    ///
    /// - Parameter file: name in messages; relative paths start at its folder.
    public static func load(
        text: String, file: String, _ options: ServeOptions = ServeOptions(), environment: [String: String] = [:],
        support: TransportSupport = .current
    ) throws(ConfigurationErrors) -> LoadedConfiguration {
        try ConfigurationLoad.run(options, environment, support, text: Array(text.utf8), file: file)
    }

    /// Listeners that are open to the network while nobody is asked who they are.
    ///
    /// Loading checks this with what the file alone can tell (a plugin nobody knows may be one that authenticates);
    /// the host asks again when it knows which hooks the plugins have.
    public func exposedListeners(authenticates: (PluginEntry) -> Bool) -> [ConfigurationError] {
        if plugins.contains(where: { $0.isEnabled && authenticates($0) }) { return [] }
        let exposed = listeners.filter { listener in
            // Who has no certificate that the operator's authority signed does not get as far as CONNECT.
            !listener.url.isLocal && !listener.allowsAnonymous && listener.tls?.clientAuthentication != .require
        }
        return exposed.map { listener in
            let remedy =
                listener.position.line > 0
                ? "set allow_anonymous: true here"
                : "add --set broker.listeners.\(listener.name).allow_anonymous=true"
            return ConfigurationError(
                .listener(listener.name, .openToNetwork(endpoint: listener.url.endpoint, remedy: remedy)),
                at: listener.position)
        }
    }
}
