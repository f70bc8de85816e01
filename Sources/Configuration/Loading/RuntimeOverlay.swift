import PositionedYAML

/// Settings that were changed while the broker ran (`hookline config set`, `hookline plugins disable`, the HTTP API).
/// They win over the file and lose against the environment and the command line.
///
/// They are kept in a file of the data directory, one line each; without a data directory, and with `--ephemeral`, as
/// long as the broker runs.
public struct RuntimeOverlay: Hashable, Sendable {
    /// One changed setting.
    public struct Setting: Hashable, Sendable {
        /// As `--set` names it, such as `plugins.acl.enabled`.
        public var path: String
        /// As `--set` takes it.
        public var text: String
    }

    /// Name of the file in the data directory.
    public static let fileName = "overlay.yaml"

    /// In the order of their paths.
    public private(set) var settings: [Setting] = []

    /// Nothing was changed.
    public init() {}

    /// Sets one setting.
    public mutating func set(_ path: String, to text: String) {
        remove(path)
        settings.append(Setting(path: path, text: text))
        settings.sort { $0.path < $1.path }
    }

    /// Takes a setting out. False: it is not in it.
    @discardableResult
    public mutating func remove(_ path: String) -> Bool {
        let before = settings.count
        settings.removeAll { $0.path == path }
        return settings.count < before
    }

    /// Reads the overlay of a data directory; there need not be one.
    public static func read(dataDirectory: String) throws(ConfigurationErrors) -> RuntimeOverlay {
        let path = file(in: dataDirectory)
        guard !dataDirectory.isEmpty, FileAccess.exists(path) else { return RuntimeOverlay() }
        switch FileAccess.read(path, limit: YAMLLimits().maxBytes) {
        case .failure(let error):
            throw ConfigurationErrors([
                ConfigurationError(.unreadableConfiguration(reason: error.words), at: SourcePosition(source: path))
            ])
        case .success(let text):
            return try RuntimeOverlay(parsing: text, file: path)
        }
    }

    /// Reads the text of an overlay, see ``fileText``.
    public init(parsing text: [UInt8], file: String) throws(ConfigurationErrors) {
        let parsed = YAMLParser.parseCollecting(text, file: file)
        var errors = parsed.errors.map { ConfigurationError(.yaml($0.problem), at: $0.position) }
        for entry in parsed.root?.entries ?? [] {
            guard let value = entry.value.text else {
                let problem = ValueProblem.wrongShape(found: entry.value.summary, expected: "a text")
                errors.append(ConfigurationError(.value(problem), at: entry.value.position))
                continue
            }
            set(entry.name, to: value)
        }
        guard errors.isEmpty else { throw ConfigurationErrors(errors) }
    }

    /// Path of the file in a data directory.
    public static func file(in dataDirectory: String) -> String { "\(dataDirectory)/\(fileName)" }

    /// What the file says.
    public var fileText: String {
        let head = "# Changed while the broker ran; wins over plugins.yaml. 'hookline config reset' takes it out.\n"
        return head + settings.map { "\(PlainYAML.quoted($0.path)): \(PlainYAML.quoted($0.text))\n" }.joined()
    }

    /// Settings that cannot be changed here: where the overlay itself is found.
    static let fixed: Set<String> = ["broker.data_dir"]
}

extension RuntimeOverlay.Setting {
    /// Where messages point to, and what ``Origin`` knows it by.
    var source: SourcePosition { SourcePosition(source: Origin.overlayPrefix + path) }
}
