/// `hookline config import mosquitto.conf`: the same broker in our words, and a list of what has none.
///
/// Names and meanings are those of mosquitto.conf(5), version 2. What mosquitto does without being told (nobody
/// anonymous, the network refused without a listener) is said in the result, so that it holds here too.
public struct MosquittoImport {
    /// A line that could not be carried over, or only in part.
    public struct Remark: Hashable, Sendable, CustomStringConvertible {
        /// Line of mosquitto.conf, from 1.
        public var line: Int
        /// The key, and why.
        public var words: String

        /// `line 12: what`
        public var description: String { "line \(line): \(words)" }
    }

    /// A plugins.yaml.
    public private(set) var text = ""
    /// What is not in it, in the order of the file.
    public private(set) var remarks: [Remark] = []

    private var settings: [(path: String, value: String)] = []
    private var listeners: [Listener] = []
    private var plugins = Plugins()
    /// `allow_anonymous` before any listener.
    private var allowsAnonymous = false
    private var isPersistent = false
    private var location = "/var/lib/mosquitto"

    struct Listener {
        var line: Int
        var port = 1883
        var address: String?
        var socket: String?
        var isWebSocket = false
        var allowsAnonymous: Bool?
        var mountPoint: String?
        var tls: [(key: String, value: String)] = []
    }

    private struct Plugins {
        var passwords: String?
        var rules: String?
        var keys: String?
    }

    /// Reads the text of a mosquitto.conf.
    public init(_ mosquitto: String) {
        for line in MosquittoFile(mosquitto).lines { take(line) }
        compose()
    }

    // MARK: Reading

    private mutating func take(_ line: MosquittoFile.Line) {
        if takeListener(line) || takeTLS(line) || takeSetting(line) || takeAccess(line) { return }
        let reason =
            Self.noCounterpart[line.key]
            ?? (line.key.hasPrefix("bridge_") || Self.bridge.contains(line.key)
                ? "bridges are not part of this version" : "no such setting here")
        remark(line, reason)
    }

    private mutating func remark(_ line: MosquittoFile.Line, _ reason: String) {
        if !reason.isEmpty { remarks.append(Remark(line: line.number, words: "\(line.key): \(reason)")) }
    }

    private mutating func takeListener(_ line: MosquittoFile.Line) -> Bool {
        let words = line.value.split(whereSeparator: \.isWhitespace).map(String.init)
        switch line.key {
        case "listener":
            var listener = Listener(line: line.number)
            guard let port = words.first.flatMap(Int.init), (0...65_535).contains(port) else {
                remark(line, "'\(line.value)' is not a port")
                return true
            }
            listener.port = port
            // Port 0 with a path is a socket file.
            if port == 0 {
                listener.socket = words.dropFirst().first
            } else {
                listener.address = words.dropFirst().first
            }
            listeners.append(listener)
        case "port":
            guard let port = Int(line.value), (1...65_535).contains(port) else {
                remark(line, "'\(line.value)' is not a port")
                return true
            }
            listeners.append(Listener(line: line.number, port: port))
        case "bind_address":
            if listeners.isEmpty { listeners.append(Listener(line: line.number)) }
            listeners[listeners.count - 1].address = line.value
        case "socket_domain", "bind_interface":
            remark(line, "give the listener's address instead")
        case "protocol":
            guard !listeners.isEmpty else {
                remark(line, "stands before any listener")
                return true
            }
            if line.value == "websockets" { listeners[listeners.count - 1].isWebSocket = true }
            if !["websockets", "mqtt"].contains(line.value) { remark(line, "'\(line.value)' is not spoken here") }
        case "allow_anonymous":
            let allows = line.value == "true"
            if listeners.isEmpty { allowsAnonymous = allows }
            if !listeners.isEmpty { listeners[listeners.count - 1].allowsAnonymous = allows }
        case "mount_point":
            guard !listeners.isEmpty else {
                remark(line, "stands before any listener")
                return true
            }
            listeners[listeners.count - 1].mountPoint = line.value
        default: return false
        }
        return true
    }

    private mutating func takeTLS(_ line: MosquittoFile.Line) -> Bool {
        guard let key = Self.tls[line.key] else { return false }
        guard !listeners.isEmpty else {
            remark(line, "stands before any listener")
            return true
        }
        var value = PlainYAML.scalar(line.value)
        switch line.key {
        case "require_certificate":
            guard line.value == "true" else { return true }
            value = "require"
        case "use_identity_as_username":
            guard line.value == "true" else { return true }
            value = "cn"
        case "tls_version":
            value = PlainYAML.quoted(line.value.hasPrefix("tlsv") ? String(line.value.dropFirst(4)) : line.value)
            guard ["\"1.2\"", "\"1.3\""].contains(value) else {
                remark(line, "'\(line.value)' is not spoken here; TLS 1.2 is the oldest")
                return true
            }
        case "ciphers", "ciphers_tls1.3": value = PlainYAML.quoted(line.value)
        default: break
        }
        listeners[listeners.count - 1].tls.append((key, value))
        return true
    }

    private mutating func takeAccess(_ line: MosquittoFile.Line) -> Bool {
        switch line.key {
        case "password_file": plugins.passwords = line.value
        case "acl_file": plugins.rules = line.value
        case "persistence": isPersistent = line.value == "true"
        case "persistence_location": location = line.value.hasSuffix("/") ? String(line.value.dropLast()) : line.value
        default: return false
        }
        return true
    }

    private mutating func takeSetting(_ line: MosquittoFile.Line) -> Bool {
        guard let rule = MosquittoSettings.rules[line.key] else { return false }
        switch rule(line.value) {
        case .value(let path, let value): settings.append((path, value))
        case .nothing: break
        case .remark(let words): remark(line, words)
        }
        return true
    }

    private static let tls = [
        "certfile": "cert", "keyfile": "key", "cafile": "client_ca", "crlfile": "client_crl",
        "require_certificate": "client_auth", "use_identity_as_username": "identity", "ciphers": "ciphers",
        "ciphers_tls1.3": "cipher_suites", "tls_version": "min_version",
    ]

    // MARK: Writing

    private mutating func compose() {
        remarkAboutLogIn()
        if isPersistent { settings.insert(("broker.data_dir", PlainYAML.scalar(location)), at: 0) }
        // Mosquitto listens on loopback, for everybody, when no listener is configured.
        if listeners.isEmpty { listeners = [Listener(line: 0, address: "localhost", allowsAnonymous: true)] }
        var lines = ["# Made from a mosquitto.conf by 'hookline config import'.", "broker:"]
        lines += MosquittoSettings.yaml(settings)
        lines.append("  listeners:")
        var names: Set<String> = []
        for listener in listeners {
            var (name, number) = (listener.kind, 2)
            while !names.insert(name).inserted {
                name = "\(listener.kind)-\(number)"
                number += 1
            }
            lines.append("    \(name): { \(listener.members(allowsAnonymous).joined(separator: ", ")) }")
        }
        lines.append("plugins:")
        if isPersistent { lines.append("  - store-sqlite") }
        if let passwords = plugins.passwords {
            lines.append("  - { id: auth, config: { sources: [ { password_file: \(PlainYAML.scalar(passwords)) } ] } }")
        }
        if let rules = plugins.rules {
            lines.append("  - { id: acl, config: { file: \(PlainYAML.scalar(rules)) } }")
        }
        if lines.last == "plugins:" { lines[lines.count - 1] = "plugins: []" }
        text = lines.joined(separator: "\n") + "\n"
    }

    /// A listener that the network reaches and where nobody can log in is an error here.
    private mutating func remarkAboutLogIn() {
        guard plugins.passwords == nil else { return }
        for listener in listeners where listener.line > 0 && listener.isOpenToNobody(allowsAnonymous) {
            let words = "nobody could log in: no password_file, and allow_anonymous is false; add one of the two"
            remarks.append(Remark(line: listener.line, words: "listener: \(words)"))
        }
        remarks.sort { $0.line < $1.line }
    }

    private static let bridge: Set = [
        "connection", "address", "addresses", "cleansession", "local_cleansession", "idle_timeout",
        "keepalive_interval",
        "local_clientid", "local_password", "local_username", "notifications", "notifications_local_only",
        "notification_topic", "remote_clientid", "remote_password", "remote_username", "restart_timeout", "round_robin",
        "start_type", "threshold", "topic", "try_private",
    ]

    private static let noCounterpart = [
        "per_listener_settings": "here passwords and rules are one set for all listeners",
        "psk_file": "pre-shared keys come from a plugin with the hook auth.psk",
        "psk_hint": "pre-shared keys come from a plugin with the hook auth.psk",
        "use_subject_as_username": "a user name is the certificate's common name (cn) or first alternative name (san)",
        "capath": "a folder of certificates cannot be given; put them into one file and set client_ca",
        "dhparamfile": "OpenSSL chooses the parameters",
        "include_dir": "put everything into one file, or import each",
        "plugin": "plugins of mosquitto do not run here; see docs/plugins.md",
        "auth_plugin": "plugins of mosquitto do not run here; see docs/plugins.md",
        "global_plugin": "plugins of mosquitto do not run here; see docs/plugins.md",
        "http_dir": "files are not served",
        "user": "start it as the user it is to run as (systemd: User=)",
        "pid_file": "hookline serve --pid-file FILE",
        "log_dest": "the log goes to standard error; systemd or the container keeps it",
        "max_connections": "one bound for all listeners: broker.limits.max_connections",
        "clientid_prefixes": "an acl rule or a plugin decides that",
        "auto_id_prefix": "an assigned client identifier has no prefix to choose",
        "allow_duplicate_messages": "a message is always sent once per client, with all its subscription identifiers",
    ]
}

extension MosquittoImport.Listener {
    private var usesTLS: Bool { tls.contains { $0.key == "cert" } }

    /// What it is called here.
    fileprivate var kind: String {
        if socket != nil { return "local" }
        return isWebSocket ? (usesTLS ? "wss" : "ws") : (usesTLS ? "tls" : "tcp")
    }

    fileprivate func isOpenToNobody(_ allowsAnonymousElsewhere: Bool) -> Bool {
        let isLocal = socket != nil || ["localhost", "127.0.0.1", "::1"].contains(address ?? "")
        let needsCertificate = tls.contains { $0.key == "client_auth" }
        return !isLocal && !needsCertificate && !(allowsAnonymous ?? allowsAnonymousElsewhere)
    }

    fileprivate func members(_ allowsAnonymousElsewhere: Bool) -> [String] {
        let host = address.map { $0.contains(":") ? "[\($0)]" : $0 } ?? "0.0.0.0"
        let scheme = isWebSocket ? (usesTLS ? "wss" : "ws") : (usesTLS ? "mqtts" : "mqtt")
        let path = isWebSocket ? "/mqtt" : ""
        let url = socket.map { "unix://\($0)" } ?? "\(scheme)://\(host):\(port)\(path)"
        var members = ["url: \(PlainYAML.quoted(url))"]
        if allowsAnonymous ?? allowsAnonymousElsewhere { members.append("allow_anonymous: true") }
        if let mountPoint { members.append("mount_point: \(PlainYAML.quoted(mountPoint))") }
        if usesTLS { members += tls.map { "\($0.key): \($0.value)" } }
        return members
    }
}
