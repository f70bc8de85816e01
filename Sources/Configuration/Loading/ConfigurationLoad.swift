import Glibc
import PositionedYAML

/// The steps from a text to a checked configuration: parse, expand `${VAR}`, put environment and command line over
/// it, read the merged tree, then look at the whole.
struct ConfigurationLoad {
    private let options: ServeOptions
    private let environment: [String: String]
    private let support: TransportSupport
    private var errors: [ConfigurationError] = []
    /// Settings of the overlay that have nothing to be put over any more.
    private var staleSettings: [RuntimeOverlay.Setting] = []

    private init(_ options: ServeOptions, _ environment: [String: String], _ support: TransportSupport) {
        self.options = options
        self.environment = environment
        self.support = support
    }

    /// All steps; no text means built-in defaults.
    static func run(
        _ options: ServeOptions, _ environment: [String: String], _ support: TransportSupport, text: [UInt8]?,
        file: String?
    ) throws(ConfigurationErrors) -> LoadedConfiguration {
        var load = ConfigurationLoad(options, environment, support)
        return try load.run(text: text, file: file)
    }

    /// `data_dir` alone; every error is somebody else's business.
    static func dataDirectory(
        _ options: ServeOptions, _ environment: [String: String], text: [UInt8]?, file: String?
    ) -> String {
        var load = ConfigurationLoad(options, environment, .current)
        var reader = ConfigurationReader(base: base(of: file), support: .current)
        if let root = try? load.mergedTree(text: text, file: file) { reader.read(root) }
        return reader.configuration.broker.dataDirectory
    }

    private static func base(of file: String?) -> PathBase {
        let workingDirectory = FileAccess.currentDirectory()
        let here = PathBase(fileDirectory: workingDirectory, workingDirectory: workingDirectory)
        guard let file, let slash = file.lastIndex(of: "/") else { return here }
        let folder = slash == file.startIndex ? "/" : String(file[..<slash])
        let absolute = here.resolve(folder, at: SourcePosition(source: file))
        return PathBase(fileDirectory: absolute, workingDirectory: workingDirectory)
    }

    /// All steps, as far as they lead: what could be read, and everything that is wrong.
    static func examine(
        _ options: ServeOptions, _ environment: [String: String], _ support: TransportSupport, text: [UInt8]?,
        file: String?
    ) -> (loaded: LoadedConfiguration?, errors: [ConfigurationError]) {
        var load = ConfigurationLoad(options, environment, support)
        do throws(ConfigurationErrors) {
            let loaded = try load.read(text: text, file: file)
            return (loaded, load.errors)
        } catch {
            return (nil, error.all)
        }
    }

    private mutating func run(text: [UInt8]?, file: String?) throws(ConfigurationErrors) -> LoadedConfiguration {
        let loaded = try read(text: text, file: file)
        if let errors = ConfigurationErrors(collecting: errors) { throw errors }
        return loaded
    }

    /// Collects errors; throws where nothing can be read at all.
    private mutating func read(text: [UInt8]?, file: String?) throws(ConfigurationErrors) -> LoadedConfiguration {
        let base = Self.base(of: file)
        let root = try mergedTree(text: text, file: file)
        var reader = ConfigurationReader(base: base, support: support)
        reader.makesCertificates = options.isEphemeral
        reader.read(root)
        errors += reader.errors
        var configuration = reader.configuration
        finish(&configuration, hasBrokenListener: reader.errors.contains(where: \.concernsListener))
        errors += duplicateEndpoints(configuration)
        errors += configuration.exposedListeners(authenticates: Self.mayAuthenticate)
        return LoadedConfiguration(
            configuration: configuration, source: file.map { .file($0) } ?? .builtIn,
            warnings: warnings(configuration), origins: reader.origins,
            paths: base, overlay: options.overlay ?? RuntimeOverlay(), text: text)
    }

    private mutating func mergedTree(text: [UInt8]?, file: String?) throws(ConfigurationErrors) -> YAMLNode {
        var root = YAMLNode(.mapping([]), at: SourcePosition(source: "built-in defaults"))
        if let text, let file {
            let parsed = YAMLParser.parseCollecting(text, file: file)
            errors += parsed.errors.map { ConfigurationError(.yaml($0.problem), at: $0.position) }
            // Without a tree nothing else can be said about the file.
            guard let tree = parsed.root else { throw ConfigurationErrors(errors) }
            var expansion = VariableExpansion(environment: environment)
            root = expansion.expand(tree)
            errors += expansion.errors
        }
        applyOverlay(to: &root)
        var layer = EnvironmentLayer(root: root)
        layer.read(environment)
        errors += layer.errors
        for override in layer.overrides { apply(override, to: &root) }
        replaceListeners(in: &root)
        for assignment in options.assignments {
            do throws(ConfigurationErrors) {
                let path = assignment.path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
                let source = SourcePosition(source: assignment.option)
                apply(try Override(path: path, text: assignment.text, source: source), to: &root)
            } catch {
                errors += error.all
            }
        }
        return root
    }

    /// Puts what was changed at run time over the file. A plugin that is no longer in the list takes its settings with
    /// it: that must not keep the broker from starting.
    private mutating func applyOverlay(to root: inout YAMLNode) {
        for setting in options.overlay?.settings ?? [] {
            guard !RuntimeOverlay.fixed.contains(setting.path) else {
                let words = "'\(setting.path)' cannot be changed while the broker runs; change the file"
                errors.append(ConfigurationError(.conflict(words), at: setting.source))
                continue
            }
            let path = setting.path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            do throws(ConfigurationErrors) {
                let override = try Override(path: path, text: setting.text, source: setting.source)
                do throws(ConfigurationError) {
                    try override.apply(to: &root)
                } catch {
                    staleSettings.append(setting)
                }
            } catch {
                errors += error.all
            }
        }
    }

    private mutating func apply(_ override: Override, to root: inout YAMLNode) {
        do throws(ConfigurationError) {
            try override.apply(to: &root)
        } catch {
            errors.append(error)
        }
    }

    /// `--listen` and `-p` stand in for the whole section `listeners`.
    private mutating func replaceListeners(in root: inout YAMLNode) {
        if options.listeners.isEmpty { return }
        var entries: [YAMLEntry] = []
        for listen in options.listeners {
            let position = SourcePosition(source: listen.option)
            let scheme = listen.url.split(separator: ":").first.flatMap { ListenerURL.Scheme(rawValue: String($0)) }
            let wanted = listen.name ?? scheme?.defaultName ?? "tcp"
            var name = wanted
            var number = 2
            while entries.contains(where: { $0.name == name }) {
                name = "\(wanted)-\(number)"
                number += 1
            }
            if listen.name != nil, name != wanted {
                errors.append(ConfigurationError(.conflict("listener '\(wanted)' is given twice"), at: position))
            }
            let url = YAMLNode(.scalar(listen.url, .doubleQuoted), at: position)
            let value = YAMLNode(.mapping([YAMLEntry(name: "url", position: position, value: url)]), at: position)
            entries.append(YAMLEntry(name: name, position: position, value: value))
        }
        root.set(
            ["broker", "listeners"],
            to: YAMLNode(.mapping(entries), at: SourcePosition(source: options.listeners[0].option)))
    }

    /// What follows from modes and from what was left out.
    private func finish(_ configuration: inout ServerConfiguration, hasBrokenListener: Bool) {
        configuration.isEphemeral = options.isEphemeral
        configuration.isTestMode = options.isTestMode
        if options.withoutPlugins { configuration.plugins = [] }
        if options.withoutPlugins || options.isTestMode { configuration.broker.limits.connectRatePerIP = nil }
        if options.isEphemeral { configuration.broker.dataDirectory = "" }
        if configuration.listeners.isEmpty, !hasBrokenListener {
            let url = ListenerURL(scheme: .mqtt, host: "localhost", port: 1883, path: "")
            // Beside an auth plugin nobody gets in unasked without having been invited in the file.
            let hasAuth = configuration.plugins.contains { $0.isEnabled && $0.plugin == "auth" }
            configuration.listeners = [
                ListenerConfiguration(
                    name: "tcp", url: url, allowsAnonymous: !hasAuth,
                    position: SourcePosition(source: "built-in defaults"))
            ]
        }
        // What was typed beside --ephemeral is meant as it was typed.
        guard options.isEphemeral, options.listeners.isEmpty else { return }
        for index in configuration.listeners.indices {
            if configuration.listeners[index].url.scheme == .unix {
                let name = configuration.listeners[index].name
                configuration.listeners[index].url.path = "/tmp/hookline-\(getpid())-\(name).sock"
            } else {
                configuration.listeners[index].url.host = "127.0.0.1"
                configuration.listeners[index].url.port = 0
            }
        }
    }

    private func duplicateEndpoints(_ configuration: ServerConfiguration) -> [ConfigurationError] {
        var taken: [String: String] = [:]
        var errors: [ConfigurationError] = []
        for listener in configuration.listeners where listener.url.scheme == .unix || listener.url.port != 0 {
            let endpoints = listener.url.addresses.map { "\($0) \(listener.url.port)" }
            for endpoint in endpoints.isEmpty ? [listener.url.path] : endpoints {
                if let other = taken[endpoint] {
                    errors.append(
                        ConfigurationError(
                            .listener(
                                listener.name, .sameEndpoint(endpoint: listener.url.endpoint, other: other)),
                            at: listener.position))
                    break
                }
                taken[endpoint] = listener.name
            }
        }
        return errors
    }

    private func warnings(_ configuration: ServerConfiguration) -> [ConfigurationWarning] {
        var warnings = staleSettings.map { setting in
            ConfigurationWarning(
                position: setting.source,
                message: "there is no such plugin any more; 'hookline config reset \(setting.path)' takes it out")
        }
        for listener in configuration.listeners where !listener.url.isLocal && listener.allowsAnonymous {
            warnings.append(
                ConfigurationWarning(
                    position: listener.position,
                    message: "listener '\(listener.name)' lets anyone in from the network "
                        + "(\(listener.url.endpoint), allow_anonymous: true)"))
        }
        return warnings
    }

    /// Our own plugins are known by name; any other may be one that authenticates.
    private static func mayAuthenticate(_ entry: PluginEntry) -> Bool {
        let others: Set = ["acl", "metrics", "http", "rules", "history", "twin", "presence", "store-sqlite"]
        return entry.path != nil || !others.contains(entry.plugin)
    }
}

extension ConfigurationErrors {
    /// Each fault once: where a value could not even be read, complaints about what was put in its place are noise.
    /// Nil when nothing is wrong.
    public init?(collecting errors: [ConfigurationError]) {
        let unread = Set(errors.filter(\.leavesNoValue).map(\.position))
        let kept = Set(errors).filter { $0.leavesNoValue || !unread.contains($0.position) }
        guard !kept.isEmpty else { return nil }
        self.init(Array(kept))
    }
}

extension ConfigurationError {
    /// True for errors after which the reader saw something else than what was written.
    fileprivate var leavesNoValue: Bool {
        switch problem {
        case .yaml, .undefinedVariable, .malformedVariable: true
        default: false
        }
    }

    /// True for errors that cost a listener its place in the configuration.
    fileprivate var concernsListener: Bool {
        switch problem {
        case .listener, .badListenerName: true
        case .value(.notAURL), .value(.wrongShape): true
        default: false
        }
    }
}
