internal import PluginSDK

/// Who somebody is, as a source of the chain knows it.
struct Identity: Equatable, Sendable {
    /// Empty for the user name of the packet.
    var user = ""
    var groups: [String] = []
    var account = ""
    /// Seconds since 1970 at which the credentials end; `nil`: they do not.
    var expires: Int64?
}

/// What a source says about credentials. The first one that knows them decides.
enum SourceAnswer: Equatable, Sendable {
    case accepted(Identity)
    /// The reason is for the log, never for the client.
    case refused(String)
    /// Not one of mine: the next source is asked.
    case unknown
    /// Nobody could look: the client is told to come again.
    case failed(String)
}

/// Credentials, for the time they are looked at.
struct Attempt: ~Escapable {
    /// `nil` when the packet has no user name.
    let user: [UInt8]?
    /// Secret.
    let password: Span<UInt8>
    let client: [UInt8]
    let address: [UInt8]
    /// The event loop of the call.
    let shard: Int

    @_lifetime(copy password)
    init(user: [UInt8]?, password: Span<UInt8>, client: [UInt8], address: [UInt8], shard: Int) {
        self.user = user
        self.password = password
        self.client = client
        self.address = address
        self.shard = shard
    }
}

/// A place where credentials are looked up. Called on worker threads, by several at once; may block.
protocol LogInSource: Sendable {
    /// For log and explanation: the name of a file.
    var name: String { get }

    /// Begins to follow the files it works by.
    func follow() throws(PluginFailure)

    func check(_ attempt: borrowing Attempt) -> SourceAnswer
}
