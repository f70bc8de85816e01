internal import Locking
internal import PluginSDK

/// One connection of a scraper: a request, its answer, the next one.
final class ScrapeConnection: Sendable {
    private struct State {
        var input: [UInt8] = []
        var output: [UInt8] = []
        var written = 0
        /// An answer is being made.
        var isBusy = false
        /// Ends when the answer is out.
        var isLast = false
        /// Monotonic ns of the last sign of life.
        var seen: Int64
    }

    private let socket: ConnectedSocket
    private let host: PluginHost
    private let state: Locked<State>
    /// Makes the answer to a request; its second argument may be called later and on any thread.
    private let serve: @Sendable (ScrapeRequest, @escaping @Sendable ([UInt8]) -> Void) -> Void

    private static let readSize = 4096

    init(
        _ socket: ConnectedSocket, host: PluginHost,
        serve: @escaping @Sendable (ScrapeRequest, @escaping @Sendable ([UInt8]) -> Void) -> Void
    ) {
        self.socket = socket
        self.host = host
        self.serve = serve
        state = Locked(State(seen: host.monotonicTime))
    }

    var descriptor: Int32 { socket.descriptor }
    /// Since when nothing has happened, monotonic ns.
    var idleSince: Int64 { state.withLock { $0.seen } }
    /// Makes the host notice that it is over.
    func shut() { socket.shut() }

    /// Goes on after `ready`; false when the connection has ended. One call at a time.
    func proceed(_ watch: DescriptorWatch, _ ready: DescriptorEvents) -> Bool {
        let now = host.monotonicTime
        state.withLock { $0.seen = now }
        if ready.contains(.write), !write(watch) { return false }
        if ready.contains(.read), !read(watch) { return false }
        return !ready.contains(.error)
    }

    private func read(_ watch: DescriptorWatch) -> Bool {
        let outcome = state.withLock { socket.read(into: &$0.input, atMost: Self.readSize) }
        switch outcome {
        case .ended: return false
        case .wouldBlock: return true
        case .moved:
            takeRequest(watch)
            return true
        }
    }

    /// Takes up the next request, if it is there and nothing is under way.
    private func takeRequest(_ watch: DescriptorWatch) {
        let next = state.withLock { state -> ScrapeRequest.Parsed in
            guard !state.isBusy else { return .incomplete }
            let parsed = ScrapeRequest.parse(state.input)
            switch parsed {
            case .incomplete: return parsed
            case .request(let request, let length):
                state.input.removeFirst(length)
                state.isLast = !request.isPersistent
            case .malformed:
                state.input = []
                state.isLast = true
            }
            state.isBusy = true
            return parsed
        }
        switch next {
        case .incomplete: break
        case .malformed(let status): answer(ScrapeResponse.problem(status, "not a request for metrics"), watch)
        case .request(let request, _):
            // Nothing is read until the answer is out.
            host.update(watch, for: [])
            serve(request) { [self] bytes in answer(bytes, watch) }
        }
    }

    private func answer(_ bytes: [UInt8], _ watch: DescriptorWatch) {
        state.withLock { state in
            state.output = bytes
            state.written = 0
        }
        host.update(watch, for: .write)
    }

    /// False when the connection has ended.
    private func write(_ watch: DescriptorWatch) -> Bool {
        while true {
            let outcome = state.withLock { state -> ConnectedSocket.Outcome? in
                guard state.written < state.output.count else { return nil }
                let outcome = socket.write(state.output, from: state.written)
                if case .moved(let count) = outcome { state.written += count }
                return outcome
            }
            switch outcome {
            case .moved: continue
            case .wouldBlock: return true
            case .ended: return false
            case nil: break
            }
            let isLast = state.withLock { state in
                (state.output, state.written, state.isBusy) = ([], 0, false)
                return state.isLast
            }
            guard !isLast else { return false }
            host.update(watch, for: .read)
            // It may have come with the one before.
            takeRequest(watch)
            return true
        }
    }
}
