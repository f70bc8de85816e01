internal import APITokens
internal import Glibc
internal import Locking
internal import PluginSDK

/// What the endpoints work with.
final class API: Sendable {
    let host: PluginHost
    let live: LiveSettings
    let logIns: LogInPool
    let subscriptions: EventSubscriptions
    let counters: HTTPCounters

    init(
        _ host: PluginHost, _ live: LiveSettings, _ logIns: LogInPool, _ subscriptions: EventSubscriptions,
        _ counters: HTTPCounters
    ) {
        self.host = host
        self.live = live
        self.logIns = logIns
        self.subscriptions = subscriptions
        self.counters = counters
    }

    /// Those that hold now.
    var settings: HTTPSettings { live.settings }

    /// Finds out who asks.
    /// - Parameter mayBeAnonymous: where log-in is not required.
    func identify(_ call: Call, _ credentials: Credentials?) async throws(Problem) -> Caller {
        switch credentials {
        case .none:
            let settings = live.settings
            guard !settings.requiresLogIn else {
                throw .unauthorized("say who you are: 'Authorization: Basic' or 'Bearer'")
            }
            return .anonymous(settings.anonymousRole)
        case .some(.token(let text)):
            let now = Int64(time(nil))
            guard let entry = live.tokens?.read(shard: 0, { $0.file.entry(of: text) }), entry.isValid(at: now) else {
                throw .unauthorized("the token is not known, or not any more")
            }
            return .token(name: entry.name, role: entry.role == .operate ? .operate : .read)
        case .some(.client):
            let logIn = try await logIns.logIn(credentials, peer: call.peer)
            return .client(logIn, settings.role(user: logIn.userName, groups: logIn.groups))
        }
    }
}

/// The settings, which an edit of plugins.yaml replaces while requests are answered.
final class LiveSettings: Sendable {
    private let state: Locked<(settings: HTTPSettings, tokens: FollowedFile<TokenTable>?)>

    init(_ settings: HTTPSettings, _ tokens: FollowedFile<TokenTable>?) {
        state = Locked((settings, tokens))
    }

    var settings: HTTPSettings { state.withLock { $0.settings } }
    /// nil: no tokens.
    var tokens: FollowedFile<TokenTable>? { state.withLock { $0.tokens } }

    /// Requests that begin from now on see these.
    func replace(_ settings: HTTPSettings, _ tokens: FollowedFile<TokenTable>?) {
        state.withLock { $0 = (settings, tokens) }
    }
}

/// The token file as it was read.
final class TokenTable: FileContent {
    static let sizeLimit = TokenFile.maximumSize
    let file: TokenFile

    init(_ bytes: [UInt8], file: String) throws(FileRefusal) {
        do throws(TokenFile.Faults) {
            self.file = try TokenFile(String(decoding: bytes, as: UTF8.self), file: file)
        } catch {
            throw FileRefusal(error.list)
        }
    }

    var summary: String {
        let count = file.entries.count
        return count == 1 ? "1 token" : "\(count) tokens"
    }
}
