internal import Locking

/// Where a collector takes OTLP over HTTP.
public struct OTLPEndpoint: Sendable, Equatable {
    /// The whole URL: `http://localhost:4318/v1/metrics`.
    public var url: String
    /// Lines such as `Authorization: Bearer ...`; never logged.
    public var headers: [String]
    /// Milliseconds for one request, connecting included.
    public var timeout: Int
    /// PEM file with the certificates to trust; `nil`: those of the system.
    public var authority: String?

    /// The endpoint of one signal.
    /// - Parameters:
    ///   - base: `http://localhost:4318`, as `OTEL_EXPORTER_OTLP_ENDPOINT` has it.
    ///   - path: `/v1/metrics`, `/v1/traces`.
    /// - Returns: `nil` when it is not such a URL.
    public init?(base: String, path: String, headers: [String] = [], timeout: Int = 10_000, authority: String? = nil) {
        let scheme = ["http://", "https://"].first { base.hasPrefix($0) }
        guard let scheme, base.utf8.count > scheme.utf8.count, !base.contains("@"),
            base.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            // A line break in a header would be the next header.
            headers.allSatisfy({ $0.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } })
        else { return nil }
        url = (base.hasSuffix("/") ? String(base.dropLast()) : base) + path
        self.headers = headers
        self.timeout = timeout
        self.authority = authority
    }
}

/// What became of requests; for logs and health.
public enum OTLPOutcome: Sendable, Equatable {
    /// The collector took it.
    case delivered
    /// It will be tried again; why.
    case delayed(String)
    /// It is given up; why.
    case lost(String)
}

/// Sends export requests to a collector, one after the other, on a thread of its own. What cannot be delivered now is
/// tried again with growing pauses (OTLP specification, "OTLP/HTTP Throttling"); at the bound the oldest go first.
public final class OTLPSender: Sendable {
    private struct State {
        var queue: [[UInt8]] = []
        var queuedBytes = 0
        var thread: SenderThread?
        var transfer: HTTPTransfer?
        var isStopped = false
    }

    private let endpoint: OTLPEndpoint
    private let maximumQueued: Int
    private let report: @Sendable (OTLPOutcome) -> Void
    private let state = Locked(State())

    private static let maximumBytes = 8 * 1024 * 1024
    private static let firstPause = 1_000
    private static let longestPause = 30_000
    /// Tries of one request before it is given up.
    private static let maximumTries = 8

    /// - Parameters:
    ///   - maximumQueued: requests that may wait, beside 8 MiB.
    ///   - report: called on the sender's thread for each request, and by `send` for those that are pushed out.
    public init(
        _ endpoint: OTLPEndpoint, maximumQueued: Int = 64, report: @escaping @Sendable (OTLPOutcome) -> Void
    ) {
        self.endpoint = endpoint
        self.maximumQueued = maximumQueued
        self.report = report
    }

    /// Queues a request; any thread, returns at once.
    public func send(_ body: [UInt8]) {
        var pushedOut = 0
        let problem = state.withLock { state -> String? in
            guard !state.isStopped else { return nil }
            if state.transfer == nil { state.transfer = HTTPTransfer() }
            guard let transfer = state.transfer else { return "libcurl.so.4 is not installed" }
            if state.thread == nil {
                state.thread = SenderThread("hl-otlp") { [self] in work(transfer) }
                guard state.thread != nil else { return "the system has no thread left" }
            }
            state.queue.append(body)
            state.queuedBytes += body.count
            while state.queue.count > 1, state.queue.count > maximumQueued || state.queuedBytes > Self.maximumBytes {
                state.queuedBytes -= state.queue.removeFirst().count
                pushedOut += 1
            }
            transfer.wake()
            return nil
        }
        if let problem { report(.lost(problem)) }
        for _ in 0..<pushedOut { report(.lost("too many requests wait for the collector")) }
    }

    /// Ends the thread; a request under way is cut off, and what waits is lost.
    public func stop() {
        let (thread, transfer) = state.withLock { state in
            state.isStopped = true
            defer { (state.queue, state.queuedBytes, state.thread, state.transfer) = ([], 0, nil, nil) }
            return (state.thread, state.transfer)
        }
        transfer?.wake()
        thread?.join()
    }

    private var isStopped: Bool { state.withLock { $0.isStopped } }

    private func take() -> [UInt8]? {
        state.withLock { state in
            guard !state.queue.isEmpty else { return nil }
            let body = state.queue.removeFirst()
            state.queuedBytes -= body.count
            return body
        }
    }

    private func work(_ transfer: HTTPTransfer) {
        while !isStopped {
            if let body = take() { deliver(body, transfer) } else { transfer.rest(milliseconds: Self.longestPause) }
        }
    }

    private func deliver(_ body: [UInt8], _ transfer: HTTPTransfer) {
        var pause = Self.firstPause
        for attempt in 1...Self.maximumTries {
            let outcome = transfer.post(body, to: endpoint) { [self] in isStopped }
            guard !isStopped else { return }
            switch outcome {
            case .success(let status) where (200..<300).contains(status): return report(.delivered)
            case .success(let status) where ![429, 502, 503, 504].contains(status):
                return report(.lost("the collector answers \(status)"))
            case .success(let status): report(.delayed("the collector answers \(status)"))
            case .failure(let failure): report(.delayed(failure.reason))
            }
            guard attempt < Self.maximumTries else { break }
            rest(pause, transfer)
            pause = min(pause * 2, Self.longestPause)
        }
        report(.lost("the collector did not take it in \(Self.maximumTries) tries"))
    }

    /// New requests wake the transfer; the pause goes on.
    private func rest(_ milliseconds: Int, _ transfer: HTTPTransfer) {
        let end = SenderThread.now + Int64(milliseconds) * 1_000_000
        while !isStopped, SenderThread.now < end {
            transfer.rest(milliseconds: max(1, Int((end - SenderThread.now) / 1_000_000)))
        }
    }
}
