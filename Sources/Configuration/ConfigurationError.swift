public import PositionedYAML

/// One thing that is wrong with the configuration: where, what, and what to write instead.
public struct ConfigurationError: Error, Hashable, Sendable, Comparable, CustomStringConvertible {
    /// Every kind of trouble, with what a message needs to be of use.
    public enum Problem: Hashable, Sendable {
        case yaml(YAMLError.Problem)
        case value(ValueProblem)
        case unknownKey(String, section: String, hint: KeyHint)
        /// A key, listener or plugin feature of a later version.
        case notAvailable(subject: String, reason: String)
        case conflict(String)
        case unreadableConfiguration(reason: String)
        // ${VAR} and environment
        case undefinedVariable(String)
        case malformedVariable(String)
        case unknownEnvironmentName(nearest: String?)
        case unknownOverride(String)
        // Listeners
        case badListenerName(String)
        case listener(String, ListenerProblem)
        // Plugins
        case badPluginID(String)
        case duplicatePluginID(String, first: SourcePosition)
        case pluginFileMissing(id: String, path: String, directory: String, startsAt: String)
        case pluginSetting(id: String, key: String, ValueProblem)
        case unknownPluginKey(id: String, key: String, hint: KeyHint)
        /// What a loader or a plugin itself found; the text names the remedy.
        case plugin(id: String, String)
    }

    /// Where the value stands that caused it.
    public var position: SourcePosition
    /// What is wrong.
    public var problem: Problem

    /// An error at a place.
    public init(_ problem: Problem, at position: SourcePosition) {
        self.problem = problem
        self.position = position
    }

    /// `plugins.yaml:14:7: what is wrong; what to write`
    public var description: String { "\(position): \(message)" }

    /// What is wrong and what to write, without the place.
    public var message: String {
        switch problem {
        case .yaml(let problem): YAMLError(problem, at: position).message
        case .value(let problem): problem.description
        case .unknownKey(let name, let section, let hint):
            "unknown key '\(name)'" + (section.isEmpty ? "" : " in \(section)") + hint.suffix
        case .notAvailable(let subject, let reason): "\(subject) is not available in this version: \(reason)"
        case .conflict(let words), .unknownOverride(let words): words
        case .unreadableConfiguration(let reason): "cannot be read: \(reason)"
        case .undefinedVariable(let name):
            "environment variable '\(name)' is not set; set it, or write ${\(name):-default}"
        case .malformedVariable(let text):
            "'\(text)' is not a variable; write ${NAME} or ${NAME:-default}, or $${ for the text itself"
        case .unknownEnvironmentName(let nearest):
            "no such setting" + (nearest.map { "; nearest is \($0)" } ?? "; unset it")
        case .badListenerName(let name):
            "listener name '\(name)': use a-z and 0-9, with single '-' between words"
        case .listener(let name, let problem): "listener '\(name)'\(problem.suffix)"
        case .badPluginID(let id): "plugin id '\(id)': use a-z and 0-9, with single '-' between words"
        case .duplicatePluginID(let id, let first):
            "plugin id '\(id)' already stands in line \(first.line); give this one its own id and 'plugin: \(id)'"
        case .pluginFileMissing(let id, let path, let directory, let startsAt):
            "plugin '\(id)': no file \(path) (looked in \(directory); relative paths start at \(startsAt))"
        case .pluginSetting(let id, let key, let problem): "plugin '\(id)': config.\(key): \(problem)"
        case .unknownPluginKey(let id, let key, let hint):
            "plugin '\(id)': unknown key '\(key)' in config\(hint.suffix)"
        case .plugin(let id, let words): "plugin '\(id)': \(words)"
        }
    }

    /// Order of the file; sources without lines (command line, environment) by name.
    public static func < (left: ConfigurationError, right: ConfigurationError) -> Bool {
        (left.position, left.message) < (right.position, right.message)
    }
}

/// What is wrong with a listener that parsed.
public enum ListenerProblem: Hashable, Sendable {
    case noURL
    /// Reachable from the network, and nobody is asked who they are.
    case openToNetwork(endpoint: String, remedy: String)
    case needsTLSFiles(missing: [String])
    case keyNeedsScheme(key: String, schemes: String)
    case unreadableFile(path: String, reason: String)
    case sameEndpoint(endpoint: String, other: String)
    case clientCertificatesNeedCA
    case identityNeedsClientCertificates
    /// What OpenSSL found in the files or settings of TLS; the text names the remedy.
    case tls(String)
    case unavailable(scheme: String, reason: String)

    /// Follows "listener 'tcp'".
    var suffix: String {
        switch self {
        case .noURL: ": no url; write for example url: \"mqtt://localhost:1883\""
        case .openToNetwork(let endpoint, let remedy):
            " is open to the network (\(endpoint)) and no auth plugin is configured; "
                + "add one, bind to localhost, or \(remedy)"
        case .needsTLSFiles(let missing): ": TLS needs \(missing.joined(separator: " and "))"
        case .keyNeedsScheme(let key, let schemes): ": '\(key)' belongs to \(schemes) only"
        case .unreadableFile(let path, let reason):
            ": cannot read \(path): \(reason)"
                + (reason.hasPrefix("no such file") ? "; 'hookline certs init FOLDER' makes a set for tests" : "")
        case .sameEndpoint(let endpoint, let other): ": \(endpoint) is already taken by listener '\(other)'"
        case .clientCertificatesNeedCA: ": client_auth needs client_ca, the certificates that sign clients"
        case .identityNeedsClientCertificates:
            ": identity takes the user name from client certificates; set client_auth to request or require"
        case .tls(let words): ": \(words)"
        case .unavailable(let scheme, let reason): ": \(scheme):// is not available in this version: \(reason)"
        }
    }
}

/// What somebody probably meant with a key that does not exist.
public enum KeyHint: Hashable, Sendable {
    /// A name of another broker.
    case calledHere(String)
    /// The right name in the wrong section.
    case belongsIn(String)
    /// A slip of the finger.
    case nearest(String)
    /// Nothing close: all that exists here.
    case known([String])
    /// A sentence of its own.
    case words(String)

    /// Follows "unknown key 'x' in y".
    var suffix: String {
        switch self {
        case .calledHere(let name): "; here it is called '\(name)'"
        case .belongsIn(let section): "; it belongs in \(section)"
        case .nearest(let name): "; nearest is '\(name)'"
        case .known(let names): names.isEmpty ? "" : "; known here: \(names.joined(separator: ", "))"
        case .words(let words): "; \(words)"
        }
    }
}

/// All that is wrong with a configuration, in the order of the file; never empty. The exit code is 78.
public struct ConfigurationErrors: Error, Hashable, Sendable, CustomStringConvertible {
    /// Sorted by place.
    public let all: [ConfigurationError]

    /// At least one error; they are sorted here.
    public init(_ errors: [ConfigurationError]) {
        precondition(!errors.isEmpty, "an error list says at least one thing")
        all = errors.sorted()
    }

    /// One line each.
    public var description: String { all.map(\.description).joined(separator: "\n") }
}
