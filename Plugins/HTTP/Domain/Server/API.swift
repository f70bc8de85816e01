internal import APITokens
internal import Glibc
internal import PluginSDK

/// What the endpoints work with.
final class API: Sendable {
    let host: PluginHost
    let settings: HTTPSettings
    let logIns: LogInPool
    let subscriptions: EventSubscriptions
    let counters: HTTPCounters
    private let tokens: FollowedFile<TokenTable>?

    init(
        _ host: PluginHost, _ settings: HTTPSettings, _ logIns: LogInPool, _ subscriptions: EventSubscriptions,
        _ counters: HTTPCounters, _ tokens: FollowedFile<TokenTable>?
    ) {
        self.host = host
        self.settings = settings
        self.logIns = logIns
        self.subscriptions = subscriptions
        self.counters = counters
        self.tokens = tokens
    }

    /// Finds out who asks.
    /// - Parameter mayBeAnonymous: where log-in is not required.
    func identify(_ call: Call, _ credentials: Credentials?) async throws(Problem) -> Caller {
        switch credentials {
        case nil:
            guard !settings.requiresLogIn else {
                throw .unauthorized("say who you are: 'Authorization: Basic' or 'Bearer'")
            }
            return .anonymous(settings.anonymousRole)
        case .token(let text):
            let now = Int64(time(nil))
            guard let entry = tokens?.read(shard: 0, { $0.file.entry(of: text) }), entry.isValid(at: now) else {
                throw .unauthorized("the token is not known, or not any more")
            }
            return .token(name: entry.name, role: entry.role == .operate ? .operate : .read)
        case .client:
            let logIn = try await logIns.logIn(credentials, peer: call.peer)
            return .client(logIn, settings.role(user: logIn.userName, groups: logIn.groups))
        }
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
