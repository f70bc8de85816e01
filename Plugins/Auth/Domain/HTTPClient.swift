internal import Locking

/// HTTP requests of all sources of one instance: many at once on one thread, over connections that are kept open. The
/// thread, and libcurl itself, are there from the first request on.
final class HTTPClient: Sendable {
    /// What is asked.
    struct Request: Sendable {
        var url: String
        /// JSON to POST; `nil`: GET.
        var body: Secret?
        /// Milliseconds for all of it, connecting included.
        var timeout: Int
        /// PEM file with the certificates to trust; `nil`: those of the system.
        var authority: String?
        /// Bytes of an answer; a longer one is a failure.
        var maximumBytes: Int

        /// By the rules of `HTTPSource.url`, such a URL leads to this machine.
        var isLocal: Bool { url.hasPrefix("http://") }
    }

    struct Answer: Equatable {
        var status: Int
        var body: [UInt8]
    }

    /// For the log; holds no part of the request.
    struct Failure: Error, Equatable {
        let reason: String
    }

    typealias Done = @Sendable (Result<Answer, Failure>) -> Void

    private struct State {
        var inbox: [(request: Request, done: Done)] = []
        var transfers: HTTPTransfers?
        var thread: WorkerThread?
        var isStopped = false
    }

    private let state = Locked(State())

    /// Requests that the thread has not seen yet. Sources bound what they have under way; this bounds all of them.
    private static let maximumWaiting = 4_096

    /// Asks. Any thread; returns at once.
    /// - Parameter done: called once on the thread of the client, which it must not block; not at all after `stop`.
    func send(_ request: Request, _ done: @escaping Done) {
        let problem = state.withLock { state -> Failure? in
            guard !state.isStopped, state.inbox.count < Self.maximumWaiting else {
                return Failure(reason: "too many requests at once")
            }
            if state.transfers == nil { state.transfers = HTTPTransfers() }
            guard let transfers = state.transfers else { return Failure(reason: "libcurl.so.4 is not installed") }
            if state.thread == nil {
                state.thread = WorkerThread("hl-auth-http", .normal) { [self] in work(transfers) }
                guard state.thread != nil else { return Failure(reason: "the system has no thread left") }
            }
            state.inbox.append((request, done))
            transfers.wake()
            return nil
        }
        if let problem { done(.failure(problem)) }
    }

    /// Ends what is under way without an answer, and the thread.
    func stop() {
        let (thread, transfers) = state.withLock { state in
            state.isStopped = true
            defer { (state.thread, state.transfers, state.inbox) = (nil, nil, []) }
            return (state.thread, state.transfers)
        }
        transfers?.wake()
        thread?.join()
    }

    /// `nil` when it is time to end.
    private func takeInbox() -> [(request: Request, done: Done)]? {
        state.withLock { state in
            guard !state.isStopped else { return nil }
            defer { state.inbox = [] }
            return state.inbox
        }
    }

    private func work(_ transfers: HTTPTransfers) {
        while let inbox = takeInbox() {
            for (request, done) in inbox { transfers.begin(request, done) }
            transfers.run()
        }
        transfers.abandonAll()
    }
}
