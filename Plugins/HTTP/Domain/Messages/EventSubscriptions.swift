internal import HTTPTypes
internal import HummingbirdCore
internal import Locking
internal import NIOCore
internal import PluginSDK

/// All subscriptions of `GET /subscribe`, and how many there may be.
final class EventSubscriptions: Sendable {
    private struct State {
        var open: [String: EventSubscription] = [:]
        /// Places taken by those that are about to begin.
        var beginning = 0
        var isClosed = false
    }

    private let host: PluginHost
    private let logIns: LogInPool
    private let loop: any EventLoop
    private let live: LiveSettings
    private let counters: HTTPCounters
    private let state = Locked(State())

    init(
        _ host: PluginHost, _ logIns: LogInPool, _ loop: any EventLoop, _ live: LiveSettings,
        _ counters: HTTPCounters
    ) {
        self.host = host
        self.logIns = logIns
        self.loop = loop
        self.live = live
        self.counters = counters
    }

    /// Begins a subscription, or goes on with the one that Last-Event-ID names.
    func subscribe(
        _ call: Call, _ filters: [String], qos: UInt8, _ credentials: Credentials?
    ) async throws(Problem) -> Answer {
        if let resumed = await resume(call, credentials) { return resumed }
        let subscription = try await begin(call, filters, qos: qos, credentials)
        guard let (reader, _) = await subscription.attach(call.channel, last: nil) else {
            throw .unavailable("the broker has ended the connection")
        }
        return stream(subscription, reader, call.request, lost: 0)
    }

    private func resume(_ call: Call, _ credentials: Credentials?) async -> Answer? {
        guard let last = call.request.headers[.lastSeenEvent], let dash = last.lastIndex(of: "-"),
            let number = UInt64(last[last.index(after: dash)...]),
            let subscription = state.withLock({ $0.open[String(last[..<dash])] }),
            subscription.credentials == credentials,
            let (reader, lost) = await subscription.attach(call.channel, last: number)
        else { return nil }
        return stream(subscription, reader, call.request, lost: lost)
    }

    private func begin(
        _ call: Call, _ filters: [String], qos: UInt8, _ credentials: Credentials?
    ) async throws(Problem) -> EventSubscription {
        let (limits, maximum) = (live.settings.subscription, live.settings.maximumSubscribers)
        let hasRoom = state.withLock { state -> Bool in
            guard !state.isClosed, state.open.count + state.beginning < maximum else { return false }
            state.beginning += 1
            return true
        }
        guard hasRoom else { throw .unavailable("there are \(maximum) subscribers already (max_subscribers)") }
        defer { state.withLock { $0.beginning -= 1 } }
        guard let random = host.randomBytes(16) else { throw .unavailable("the broker has no randomness to give") }
        let logIn = try await logIns.ownLogIn(credentials, peer: call.peer)
        let digits = Array("0123456789abcdef")
        let id = String(random.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
        let subscription = EventSubscription(id: id, logIn, credentials, limits, on: loop) { [weak self] in
            self?.ended($0, $1)
        }
        let isOpen = state.withLock { state -> Bool in
            guard !state.isClosed else { return false }
            state.open[id] = subscription
            return true
        }
        guard isOpen else {
            logIn.link.close()
            throw .unavailable("the plugin stops")
        }
        counters.subscribers?.add(1)
        do throws(Problem) {
            let reasons = try await subscription.begin(filters, qos: qos)
            if let index = reasons.firstIndex(where: \.isError) {
                var problem = Problem(
                    403, "subscribe-denied", "Subscribe denied",
                    "not authorized to subscribe to \(index < filters.count ? filters[index] : "this filter")")
                problem.members = [
                    ("reason_code", .count(reasons[index].rawValue)), ("reason", .string(reasons[index].name)),
                ]
                throw problem
            }
        } catch {
            subscription.end(.stopped)
            throw error
        }
        return subscription
    }

    private func stream(
        _ subscription: EventSubscription, _ reader: UInt64, _ request: Request, lost: UInt64
    ) -> Answer {
        var answer = Answer(contentType: "text/event-stream")
        answer.headers[.cacheControl] = "no-store"
        answer.endsConnection = true
        answer.body = .stream { writer in
            defer { subscription.detach(reader) }
            // Sent at once, so that a reader knows that it is subscribed.
            try await writer.write(lost > 0 ? MessageEvent.lost(lost) : ByteBuffer(string: ":\n\n"))
            try await request.body.consumeWithInboundCloseHandler { _ in
                while let bytes = await subscription.next(reader) { try await writer.write(bytes) }
            } onInboundClosed: {
                subscription.detach(reader)
            }
        }
        return answer
    }

    private func ended(_ subscription: EventSubscription, _ end: EventSubscription.End) {
        let wasOpen = state.withLock { $0.open.removeValue(forKey: subscription.id) != nil }
        guard wasOpen else { return }
        counters.subscribers?.add(-1)
        guard case .slow = end else { return }
        counters.slowSubscribers?.add()
        host.log(
            .warning, "http.subscriber_dropped", "it took nothing for too long (slow_subscriber_timeout)")
    }

    /// Ends all of them.
    func close() {
        let open = state.withLock { state -> [EventSubscription] in
            state.isClosed = true
            return Array(state.open.values)
        }
        for subscription in open { subscription.end(.stopped) }
    }
}

extension HTTPField.Name {
    /// What a reader of server-sent events has seen last.
    static var lastSeenEvent: HTTPField.Name { HTTPField.Name("Last-Event-ID") ?? .range }
}
