internal import PluginSDK

/// The `sources` of the settings: where credentials are looked up, in this order.
struct AuthSources: Sendable {
    /// In the order of the settings.
    var all: [any LogInSource] = []
    /// Those of `all` that hold passwords.
    var passwords: [PasswordSource] = []
    /// Whether a password alone may be a credential.
    var hasTokens = false
    /// Groups of clients that come with a certificate and nothing else; `nil`: a certificate is no credential here.
    var certificateGroups: [String]?

    /// - Throws: everything that is wrong with the list, and with the files it names.
    static func open(_ configuration: Configuration, host: PluginHost) throws(PluginFailure) -> AuthSources {
        let sources = configuration["sources"]
        var opened = AuthSources()
        var faults: [ConfigurationFault] = []
        for source in sources.items { opened.add(source, host, &faults) }
        if opened.all.isEmpty, opened.certificateGroups == nil, faults.isEmpty {
            faults = [ConfigurationFault(sources, "no source of users; write sources: [ { password_file: passwd } ]")]
        }
        guard faults.isEmpty else { throw .refused(faults) }
        return opened
    }

    private mutating func add(_ source: ConfigurationNode, _ host: PluginHost, _ faults: inout [ConfigurationFault]) {
        switch source.keys {
        case ["password_file"]:
            let node = source["password_file"]
            guard !node.path.isEmpty else {
                faults.append(ConfigurationFault(node, "password_file needs the path of a file"))
                return
            }
            do throws(FileRefusal) {
                let file = try PasswordSource(node.path, host: host)
                all.append(file)
                passwords.append(file)
            } catch {
                faults += error.faults.map { ConfigurationFault(node, $0) }
            }
        case ["jwt"]:
            guard let tokens = TokenSource.read(source["jwt"], host: host, &faults) else { return }
            all.append(tokens)
            hasTokens = true
        case ["http"]:
            guard let service = HTTPSource.read(source["http"], host: host, &faults) else { return }
            all.append(service)
        case ["postgres"]:
            guard let table = PostgresSource.read(source["postgres"], host: host, &faults) else { return }
            all.append(table)
        case ["client_certificate"]:
            certificateGroups = source["client_certificate"]["groups"].items.map(\.text)
        default:
            let found = source.kind == .map ? source.keys.joined(separator: ", ") : source.text
            let message =
                "a source is password_file, jwt, client_certificate, http or postgres, such as "
                + "{ password_file: PATH }; "
                + "'\(found)' is not known"
            faults.append(ConfigurationFault(source, message))
        }
    }

    /// Asks the sources in their order. When a password file is among them and nobody knows the user, one password is
    /// hashed all the same, so that the time of the answer does not tell whether a user exists.
    /// - Returns: the answer, and the source that gave it.
    func check(_ attempt: borrowing Attempt) -> (answer: SourceAnswer, source: String) {
        for source in all {
            let answer = source.check(attempt)
            if answer != .unknown { return (answer, source.name) }
        }
        passwords.first?.checkInVain(attempt)
        return (.unknown, "auth")
    }
}
