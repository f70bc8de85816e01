public import PositionedYAML

/// Everything a broker is told before it starts: defaults, plugins.yaml, environment and command line, merged.
public struct ServerConfiguration: Hashable, Sendable {
    /// Section `broker` without its listeners.
    public var broker = BrokerConfiguration()
    /// In the order of the file; at least one.
    public var listeners: [ListenerConfiguration] = []
    /// In hook order; entries with `enabled: false` are kept, so that tools can show them.
    public var plugins: [PluginEntry] = []
    /// `--ephemeral`: nothing is kept, every port is a free one on loopback; plugins with ports do the same.
    public var isEphemeral = false
    /// `--test-mode`
    public var isTestMode = false

    /// The built-in defaults without a listener.
    public init() {}
}

/// One entry of `broker.listeners`.
public struct ListenerConfiguration: Hashable, Sendable {
    /// Key of the entry; unique.
    public var name: String
    /// Where it waits; the path of a `unix` URL is absolute.
    public var url: ListenerURL
    /// Clients without credentials get the anonymous identity. Wrong credentials are refused all the same.
    public var allowsAnonymous = false
    /// How packets that break the specification are taken here; nil = as `broker.mqtt.strictness` says.
    public var strictness: Strictness?
    /// Set exactly when the URL's scheme uses TLS.
    public var tls: TLSConfiguration?
    /// Origins a browser may connect from (`ws`, `wss`); empty = the Origin header is not checked.
    public var origins: [String] = []
    /// Addresses (with prefix length) whose connections begin with a header of the PROXY protocol.
    public var proxies: [String] = []
    /// What stands before every topic and filter of its clients, which do not see it; empty = nothing.
    public var mountPoint = ""
    /// Where the entry stands.
    public var position: SourcePosition

    /// A listener made by hand.
    public init(name: String, url: ListenerURL, allowsAnonymous: Bool = false, position: SourcePosition) {
        self.name = name
        self.url = url
        self.allowsAnonymous = allowsAnonymous
        self.position = position
    }
}

/// The TLS side of a listener; all paths are absolute PEM files.
public struct TLSConfiguration: Hashable, Sendable {
    /// Whether clients show a certificate.
    public enum ClientAuthentication: String, CaseIterable, Hashable, Sendable {
        case none, request, require
    }

    /// Which name a client certificate gives the client.
    public enum Identity: String, CaseIterable, Hashable, Sendable {
        case username, cn, san, fingerprint
    }

    /// Oldest TLS version that is spoken.
    public enum Version: String, CaseIterable, Hashable, Sendable {
        case v1_2 = "1.2"
        case v1_3 = "1.3"
    }

    /// A certificate and its key.
    public struct CertificateFiles: Hashable, Sendable {
        /// `cert`
        public var certificate: String
        /// `key`
        public var key: String
    }

    /// `cert`
    public var certificate: String
    /// `key`
    public var key: String
    /// `certificates`: others, chosen by the server name a client asks for.
    public var otherCertificates: [CertificateFiles] = []
    /// `ca`: told to people and scripts that connect; the broker itself does not use it.
    public var authority: String?
    /// `client_ca`
    public var clientCA: String?
    /// `client_crl`
    public var clientCRL: String?
    /// `client_auth`
    public var clientAuthentication = ClientAuthentication.none
    /// `identity`
    public var identity = Identity.username
    /// `min_version`
    public var minimumVersion = Version.v1_2
    /// `ciphers`: TLS 1.2, in OpenSSL's notation; nil = the built-in list.
    public var ciphers: String?
    /// `cipher_suites`: TLS 1.3; nil = OpenSSL's.
    public var cipherSuites: String?
    /// `groups`: of the key exchange; nil = OpenSSL's.
    public var groups: String?

    /// Two files, and defaults for the rest.
    public init(certificate: String, key: String) {
        self.certificate = certificate
        self.key = key
    }
}

/// One entry of the list `plugins`.
public struct PluginEntry: Hashable, Sendable {
    /// Name of the instance; unique, `[a-z0-9-]`.
    public var id: String
    /// Which plugin; the id unless given. `lib<plugin>.so` is looked up in `plugin_dirs` when there is no path.
    public var plugin: String
    /// Absolute path of the shared object, if one was given.
    public var path: String?
    /// False switches the entry off without deleting it.
    public var isEnabled = true
    /// `optional: true`: without its file the broker starts all the same; `hookline plugins reload ID` starts it later.
    public var isOptional = false
    /// `config` as written; a mapping, or nil when there is none. Typed by ``PluginSettings``.
    public var config: YAMLNode?
    /// Services the plugin may use at most, such as `kv` or `kv/1`; nil = all that it asks for.
    public var grants: [String]?
    /// What is said about hooks of the plugin, in the order of the file.
    public var hooks: [HookPolicy] = []
    /// `sha256`: the only content of the file that may be loaded, as 64 lower-case hexadecimal digits.
    public var sha256: String?
    /// `unload: allow`: code that is replaced leaves the memory.
    public var allowsUnload = false
    /// `reload`
    public var reload = PluginReload()
    /// Where the entry starts.
    public var position: SourcePosition

    /// An entry made by hand.
    public init(id: String, plugin: String? = nil, path: String? = nil, position: SourcePosition) {
        self.id = id
        self.plugin = plugin ?? id
        self.path = path
        self.position = position
    }
}

/// Who set a value; the first of this list that has it wins.
public enum Origin: Hashable, Sendable, CustomStringConvertible {
    /// The option as typed, such as `--set broker.threads` or `-p`.
    case commandLine(String)
    /// The variable's name.
    case environment(String)
    /// The run-time overlay, and the path that it sets.
    case overlay(String)
    /// The place in the file.
    case file(SourcePosition)
    /// Nobody.
    case builtIn

    static let overlayPrefix = "run-time overlay "

    /// The origin of a value that stands at `position`.
    init(_ position: SourcePosition) {
        if position.line > 0 {
            self = .file(position)
        } else if position.file.hasPrefix("HOOKLINE_") {
            self = .environment(position.file)
        } else if position.file.hasPrefix(Self.overlayPrefix) {
            self = .overlay(String(position.file.dropFirst(Self.overlayPrefix.count)))
        } else {
            self = .commandLine(position.file)
        }
    }

    /// As `hookline config show` prints it.
    public var description: String {
        switch self {
        case .commandLine(let option): option
        case .environment(let name): name
        case .overlay: "run-time overlay"
        case .file(let position): position.description
        case .builtIn: "default"
        }
    }
}
