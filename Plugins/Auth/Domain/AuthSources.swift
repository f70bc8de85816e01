internal import PasswordFile
internal import PluginSDK

/// What sources are made with: the threads, the HTTP client and the limits that all of them share.
struct SourceTools: Sendable {
    let host: PluginHost
    let limiter: FailureLimiter
    /// Where passwords are hashed and signatures checked.
    let workers: LogInWorkers
    let client: HTTPClient

    /// Nanoseconds of a password's hash, until it is known.
    private static let usualHash: Int64 = 100_000_000

    /// - Parameter threads: for hashing.
    init(host: PluginHost, limiter: FailureLimiter, threads: Int) {
        self.host = host
        self.limiter = limiter
        // Event loops, and everything else on the machine, go first.
        workers = LogInWorkers(
            "hl-auth-hash", width: threads, isIdle: true, usualTime: Self.usualHash, limiter: limiter
        ) {
            host.monotonicTime
        }
        client = HTTPClient()
    }
}

/// The `sources` of the settings: where credentials are looked up, in this order.
struct AuthSources: Sendable {
    /// In the order of the settings.
    var all: [any LogInSource] = []
    /// Those of `all` that hold passwords.
    var passwords: [PasswordSource] = []
    /// Whether a password alone may be a credential.
    var hasTokens: Bool { !tokens.isEmpty }
    /// Those of `all` that take tokens.
    var tokens: [TokenSource] = []
    /// Hashes are looked up in a database.
    private var hasTable = false
    /// Groups of clients that come with a certificate and nothing else; `nil`: a certificate is no credential here.
    var certificateGroups: [String]?
    private let tools: SourceTools

    private init(_ tools: SourceTools) {
        self.tools = tools
    }

    /// - Throws: everything that is wrong with the list, and with the files it names.
    static func open(_ configuration: Configuration, _ tools: SourceTools) throws(PluginFailure) -> AuthSources {
        let sources = configuration["sources"]
        var opened = AuthSources(tools)
        var faults: [ConfigurationFault] = []
        for source in sources.items { opened.add(source, &faults) }
        if opened.all.isEmpty, opened.certificateGroups == nil, faults.isEmpty {
            faults = [ConfigurationFault(sources, "no source of users; write sources: [ { password_file: passwd } ]")]
        }
        guard faults.isEmpty else { throw .refused(faults) }
        return opened
    }

    private mutating func add(_ source: ConfigurationNode, _ faults: inout [ConfigurationFault]) {
        switch source.keys {
        case ["password_file"]:
            let node = source["password_file"]
            guard !node.path.isEmpty else {
                faults.append(ConfigurationFault(node, "password_file needs the path of a file"))
                return
            }
            do throws(FileRefusal) {
                let file = try PasswordSource(node.path, hashing: tools.workers, host: tools.host)
                all.append(file)
                passwords.append(file)
            } catch {
                faults += error.faults.map { ConfigurationFault(node, $0) }
            }
        case ["jwt"]:
            guard let source = TokenSource.read(source["jwt"], tools, &faults) else { return }
            all.append(source)
            tokens.append(source)
        case ["http"]:
            guard let service = HTTPSource.read(source["http"], tools, &faults) else { return }
            all.append(service)
        case ["postgres"]:
            guard let table = PostgresSource.read(source["postgres"], tools, &faults) else { return }
            all.append(table)
            hasTable = true
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

    /// Asks the sources in their order. When one that holds hashes is among them and nobody knows the user, one
    /// password is hashed all the same, so that the time of the answer does not tell whether a user exists.
    /// - Parameter decided: called once with the answer and the source that gave it; any thread, possibly before this
    ///   returns; not at all when the sources are stopped meanwhile.
    func check(_ attempt: Attempt, _ decided: @escaping @Sendable (SourceAnswer, String) -> Void) {
        LogInChain(attempt: attempt, sources: all) { [self] answer, source in
            guard answer == .unknown, !passwords.isEmpty || hasTable else { return decided(answer, source) }
            checkInVain(attempt) { decided($0, source) }
        }.ask(from: 0)
    }

    /// As `check`, for what can only be a token.
    func checkToken(_ attempt: Attempt, _ decided: @escaping @Sendable (SourceAnswer, String) -> Void) {
        LogInChain(attempt: attempt, sources: tokens, decided: decided).ask(from: 0)
    }

    private func checkInVain(_ attempt: Attempt, _ answer: @escaping LogInSource.Answer) {
        guard let user = attempt.user else { return answer(.unknown) }
        let users = passwords.first?.users(shard: attempt.shard)
        tools.workers.submit(attempt, answer) {
            attempt.password.read { password in
                _ =
                    users?.verify(user, password: password.bytes)
                    ?? PasswordFile().verify(user: user, password: password.bytes)
            }
            return { answer(.unknown) }
        }
    }

    func follow() throws(PluginFailure) {
        for source in all { try source.follow() }
    }

    /// Takes an attempt that is over out of all that waits.
    func forget(_ attempt: Attempt) {
        for source in all { source.forget(attempt) }
        tools.workers.forget(attempt)
    }

    /// Ends all threads, waiting for what runs.
    func stop() {
        for source in all { source.stop() }
        tools.workers.stop()
        tools.client.stop()
    }
}

/// One log-in on its way along the sources.
private struct LogInChain: Sendable {
    let attempt: Attempt
    let sources: [any LogInSource]
    let decided: @Sendable (SourceAnswer, String) -> Void

    func ask(from index: Int) {
        guard !attempt.isOver else { return decided(.abandoned, "auth") }
        guard index < sources.count else { return decided(.unknown, "auth") }
        let source = sources[index]
        source.check(attempt) { answer in
            if answer == .unknown { ask(from: index + 1) } else { decided(answer, source.name) }
        }
    }
}
