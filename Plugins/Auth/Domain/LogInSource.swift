internal import PluginSDK
internal import Synchronization

/// Who somebody is, as a source of the chain knows it.
struct Identity: Equatable, Sendable {
    /// Empty for the user name of the packet.
    var user = ""
    var groups: [String] = []
    var account = ""
    /// Seconds since 1970 at which the credentials end; `nil`: they do not.
    var expires: Int64?

    /// As many groups as anybody is given: all of them are looked through with every decision.
    static let maximumGroups = 256

    /// Whether a service or a table may call somebody so. Names come to the log and into topics.
    static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 1_024 && !text.utf8.contains { $0 < 0x20 || $0 == 0x7F }
    }
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
    /// Its address or its user has failed too often since it was queued: nobody looked.
    case waits
    /// Nobody waits for the answer any more.
    case abandoned
}

/// Credentials on their way along the sources. Any thread.
final class Attempt: Sendable {
    /// `nil` when the packet has no user name.
    let user: [UInt8]?
    let password: Secret
    let client: [UInt8]
    let address: [UInt8]
    /// The part of the address that one person has many of: attempts from one network wait for each other.
    let network: [UInt8]
    /// The event loop of the call.
    let shard: Int
    /// Monotonic nanoseconds after which nobody waits for the answer.
    let deadline: Int64
    private let over = Atomic<Bool>(false)

    init(
        user: [UInt8]?, password: Span<UInt8>, client: [UInt8], address: [UInt8], shard: Int, deadline: Int64
    ) {
        self.user = user
        self.password = Secret(password)
        self.client = client
        self.address = address
        network = FailureLimiter.network(of: address)
        self.shard = shard
        self.deadline = deadline
    }

    /// What it takes while it waits.
    var byteCount: Int { (user?.count ?? 0) + password.count + client.count + address.count }

    /// The client has left, or the answer is given: work on it would be in vain.
    var isOver: Bool { over.load(ordering: .relaxed) }

    func end() { over.store(true, ordering: .relaxed) }
}

/// A place where credentials are looked up.
protocol LogInSource: Sendable {
    typealias Answer = @Sendable (SourceAnswer) -> Void

    /// For log and explanation: the name of a file.
    var name: String { get }

    /// Begins to follow the files it works by.
    func follow() throws(PluginFailure)

    /// Looks credentials up. Any thread, event loops too: returns at once, and calls `answer` exactly once, on any
    /// thread and possibly before it returns, unless the source is stopped meanwhile.
    func check(_ attempt: Attempt, _ answer: @escaping Answer)

    /// Takes an attempt that is over out of what waits.
    func forget(_ attempt: Attempt)

    /// Ends its threads, waiting for what runs; what waits is dropped.
    func stop()
}

extension LogInSource {
    func follow() throws(PluginFailure) {}
    func forget(_ attempt: Attempt) {}
    func stop() {}
}
