public import PositionedYAML

/// The `config` of one plugin, checked against the keys it declares and completed with their defaults.
public struct PluginSettings: Hashable, Sendable {
    /// One setting after everything is decided.
    public struct Value: Hashable, Sendable {
        /// The declared key.
        public var key: DeclaredKey
        /// As written, or the default's text; a tree as JSON. Secrets are in clear.
        public var text: String
        /// Read as the declared type.
        public var value: PluginValue
        /// Where it stands, or that nobody set it.
        public var origin: Origin
    }

    /// In the order of declaration; a key without value and without default is absent.
    public var values: [Value] = []
    /// The same as a mapping with positions, for plugins that walk their configuration: defaults are in,
    /// `NAME_file` is replaced by NAME with the content of that file.
    public var root: YAMLNode

    /// The value of a key, if it has one.
    public subscript(name: String) -> Value? { values.first { $0.key.name == name } }

    /// Checks the configuration of `entry`.
    ///
    /// Reads the files named by `NAME_file` of secrets (at most 64 KiB each) and nothing else.
    /// - Parameter paths: where relative paths start, from ``LoadedConfiguration/paths``.
    /// - Throws: everything that is wrong with it, in one go.
    public static func resolve(
        _ entry: PluginEntry, keys: [DeclaredKey], paths: PathBase
    ) throws(ConfigurationErrors) -> PluginSettings {
        var reader = PluginSettingsReader(entry: entry, keys: keys, paths: paths)
        reader.read()
        guard reader.errors.isEmpty else { throw ConfigurationErrors(reader.errors) }
        return reader.settings
    }
}

private struct PluginSettingsReader {
    let entry: PluginEntry
    let keys: [DeclaredKey]
    let paths: PathBase
    var settings: PluginSettings
    var errors: [ConfigurationError] = []

    private static let maxSecretBytes = 64 << 10

    init(entry: PluginEntry, keys: [DeclaredKey], paths: PathBase) {
        self.entry = entry
        self.keys = keys
        self.paths = paths
        settings = PluginSettings(root: YAMLNode(.mapping([]), at: entry.config?.position ?? entry.position))
    }

    mutating func read() {
        var given: [String: YAMLEntry] = [:]
        for item in entry.config?.entries ?? [] {
            guard let name = declaredName(of: item) else {
                report(.unknownPluginKey(id: entry.id, key: item.name, hint: hint(for: item.name)), at: item.position)
                continue
            }
            if let other = given.updateValue(item, forKey: name) {
                report(
                    .plugin(id: entry.id, "config.\(item.name): '\(other.name)' is given as well; keep one of the two"),
                    at: item.position)
            }
        }
        var entries: [YAMLEntry] = []
        for key in keys {
            guard let item = node(for: key, given: given[key.name]) else { continue }
            do throws(ValueProblem) {
                let value = try PluginValue.read(item.node, as: key.type, paths: paths)
                let text = item.node.text ?? JSONText(item.node).rendered
                settings.values.append(.init(key: key, text: text, value: value, origin: item.origin))
            } catch {
                report(.pluginSetting(id: entry.id, key: key.name, error), at: item.node.position)
            }
            entries.append(YAMLEntry(name: key.name, position: item.position, value: item.node))
        }
        settings.root.content = .mapping(entries)
    }

    private mutating func report(_ problem: ConfigurationError.Problem, at position: SourcePosition) {
        errors.append(ConfigurationError(problem, at: position))
    }

    /// The declared key an entry belongs to: by name, by its `_file` twin, or, for what came from the environment
    /// (upper case, `-` as `_`), by its environment name.
    private func declaredName(of item: YAMLEntry) -> String? {
        let isSpelledFreely = item.position.line == 0
        func matches(_ name: String) -> Bool {
            item.name == name || isSpelledFreely && EnvironmentName.level(item.name) == EnvironmentName.level(name)
        }
        if let key = keys.first(where: { matches($0.name) }) { return key.name }
        return keys.first { $0.type == .secret && matches($0.name + "_file") }?.name
    }

    private func hint(for name: String) -> KeyHint {
        let names = keys.map(\.name) + keys.filter { $0.type == .secret }.map { $0.name + "_file" }
        if let nearest = NearestName.find(name, in: names) { return .nearest(nearest) }
        return names.isEmpty ? .words("it has no settings") : .known(names)
    }

    private struct Item {
        var node: YAMLNode
        var position: SourcePosition
        var origin: Origin
    }

    private mutating func node(for key: DeclaredKey, given: YAMLEntry?) -> Item? {
        guard let given, !given.value.isNull else { return defaultNode(for: key, given: given) }
        let item = Item(node: given.value, position: given.position, origin: Origin(given.value.position))
        let isTwin = key.type == .secret && EnvironmentName.level(given.name) != EnvironmentName.level(key.name)
        return isTwin ? secret(item, key: key, twin: given.name) : item
    }

    private mutating func defaultNode(for key: DeclaredKey, given: YAMLEntry?) -> Item? {
        if key.isRequired {
            let help = key.help.isEmpty ? "" : " (\(key.help))"
            report(
                .plugin(id: entry.id, "config.\(key.name) is missing\(help); it has no default"),
                at: given?.position ?? entry.position)
            return nil
        }
        guard let text = key.defaultText else { return nil }
        let source = SourcePosition(source: "default of '\(key.name)' of plugin '\(entry.plugin)'")
        var node = YAMLNode(.scalar(text, text.isEmpty ? .doubleQuoted : .plain), at: source)
        if text.hasPrefix("[") || text.hasPrefix("{") {
            let parsed = YAMLParser.parseCollecting(Array(text.utf8), file: source.file)
            for error in parsed.errors { report(.yaml(error.problem), at: source) }
            guard let tree = parsed.root else { return nil }
            node = tree.moved(to: source)
        }
        return Item(node: node, position: source, origin: .builtIn)
    }

    private mutating func secret(_ item: Item, key: DeclaredKey, twin: String) -> Item? {
        guard let name = item.node.text else {
            let problem = ValueProblem.wrongShape(found: item.node.summary, expected: "a path")
            report(.pluginSetting(id: entry.id, key: twin, problem), at: item.node.position)
            return nil
        }
        switch FileAccess.read(paths.resolve(name, at: item.node.position), limit: Self.maxSecretBytes) {
        case .success(let bytes) where bytes.count > Self.maxSecretBytes:
            report(
                .plugin(id: entry.id, "config.\(twin): \(name) is larger than \(Self.maxSecretBytes) bytes"),
                at: item.node.position)
            return nil
        case .success(let bytes):
            var text = String(decoding: bytes, as: UTF8.self)
            // Editors and `echo` end a file with a newline that is not part of the secret.
            if text.hasSuffix("\r\n") || text.hasSuffix("\n") { text.removeLast() }
            var result = item
            result.node.content = .scalar(text, .doubleQuoted)
            return result
        case .failure(let error):
            report(
                .plugin(id: entry.id, "config.\(twin): cannot read \(name): \(error.words)"), at: item.node.position)
            return nil
        }
    }
}
