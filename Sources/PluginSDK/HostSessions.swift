internal import PluginABI

/// A session, online or not. A copy.
public struct SessionInfo: Sendable, Equatable {
    /// The connection of a session that is online.
    public struct Connection: Sendable, Equatable {
        /// Never reused while the broker runs.
        public var id: UInt64
        /// Who is behind it; empty when anonymous.
        public var userName: String
        /// The account or tenant; empty without one.
        public var account: String
        /// Groups given at the log-in.
        public var groups: [String]
        /// "10.0.0.7:51234"
        public var address: String
        /// Name of the listener.
        public var listener: String
        /// Nanoseconds on the monotonic clock of the host.
        public var since: Int64
        /// Seconds; 0 = none.
        public var keepAlive: UInt32
    }

    /// The client identifier.
    public var clientID: String
    /// `nil` while the client is offline.
    public var connection: Connection?
    /// It outlives its connection.
    public var isPersistent: Bool
    /// Seconds it is kept without a connection; `UInt32.max` for ever.
    public var expiry: UInt32
    /// Subscriptions it has.
    public var subscriptions: Int
    /// QoS 1 and 2 messages under way to the client.
    public var inflight: Int
    /// Messages that wait.
    public var queued: Int
    /// 4 = MQTT 3.1.1, 5 = MQTT 5.0.
    public var protocolLevel: Int
    /// Index of its event loop.
    public var shard: Int
}

/// A subscription of a session. A copy.
public struct SubscriptionInfo: Sendable, Equatable {
    /// Who has it.
    public var clientID: String
    /// Without `$share/{group}/`.
    public var filter: String
    /// Empty when not shared.
    public var shareGroup: String
    /// 0, 1 or 2.
    public var qos: Int
    /// 0 = none.
    public var identifier: UInt32
    /// Not its own messages.
    public var noLocal: Bool
    /// The retain flag as it was published.
    public var retainAsPublished: Bool
    /// 0, 1, 2 as in MQTT 5.
    public var retainHandling: Int
}

/// Some of many, and where the next ones are.
public struct Page<Element: Sendable>: Sendable {
    /// In no certain order.
    public var elements: [Element]
    /// What asks for the next page; `nil`: this was the last.
    public var next: UInt64?
}

/// Questions about sessions. The answer comes on a worker thread; all of them return false, and never answer, when the
/// service is not granted or the plugin is stopping.
extension PluginHost {
    /// The session of a client; `nil` when there is none.
    @discardableResult
    public func session(of clientID: String, _ answer: @escaping @Sendable (SessionInfo?) -> Void) -> Bool {
        ask(SessionsBox(host: self) { answer($0.elements.first) }) { user in
            withView(clientID) { raw.pointee.client?.pointee.get?(raw, $0, SessionsBox.run, user) }
        }
    }

    /// A page of all sessions: every session that lives from the first page to the last comes exactly once.
    /// - Parameters:
    ///   - cursor: 0 for the first page, then what the page before said.
    ///   - limit: 1 to 1,000.
    @discardableResult
    public func sessions(
        from cursor: UInt64 = 0, limit: Int = 100, _ answer: @escaping @Sendable (Page<SessionInfo>) -> Void
    ) -> Bool {
        ask(SessionsBox(host: self, body: answer)) { user in
            raw.pointee.client?.pointee.list?(raw, cursor, UInt32(clamping: limit), SessionsBox.run, user)
        }
    }

    /// The subscriptions of a client; `nil` when it has no session.
    @discardableResult
    public func subscriptions(
        of clientID: String, _ answer: @escaping @Sendable ([SubscriptionInfo]?) -> Void
    ) -> Bool {
        ask(SubscriptionsBox(host: self) { answer($1 == HL_NOT_FOUND ? nil : $0.elements) }) { user in
            withView(clientID) { raw.pointee.subs?.pointee.of_client?(raw, $0, SubscriptionsBox.run, user) }
        }
    }

    /// A page of the subscriptions of all sessions, or of those whose filter matches a topic name.
    /// - Parameter limit: whole sessions, at least one; 1 to 1,000.
    @discardableResult
    public func subscriptions(
        matching topic: String? = nil, from cursor: UInt64 = 0, limit: Int = 100,
        _ answer: @escaping @Sendable (Page<SubscriptionInfo>) -> Void
    ) -> Bool {
        let limit = UInt32(clamping: limit)
        return ask(SubscriptionsBox(host: self) { page, _ in answer(page) }) { user in
            guard let table = raw.pointee.subs else { return nil }
            guard let topic else { return table.pointee.list?(raw, cursor, limit, SubscriptionsBox.run, user) }
            return withView(topic) {
                table.pointee.matching?(raw, $0, cursor, limit, SubscriptionsBox.run, user)
            }
        }
    }

    /// Gives `box` to the host; it is let go of when it was called, or not taken.
    func ask<Box: Sendable>(_ box: Box, _ body: (UnsafeMutableRawPointer) -> hl_status?) -> Bool {
        let user = callbacks.add(box)
        guard body(user) == HL_OK else {
            callbacks.remove(user)
            return false
        }
        return true
    }
}

private struct SessionsBox: Sendable {
    let host: PluginHost
    let body: @Sendable (Page<SessionInfo>) -> Void

    static let run: hl_session_list_fn = { _, user, list in
        guard let box = Callback<SessionsBox>.of(user)?.body, let list = list?.pointee else { return }
        let sessions = (0..<Int(list.count)).map { index in
            let place = UnsafeRawPointer(list.sessions) + index * Int(list.stride)
            return SessionInfo(place.assumingMemoryBound(to: hl_session_info.self).pointee)
        }
        box.body(Page(elements: sessions, next: list.next == 0 ? nil : list.next))
        box.host.callbacks.remove(user)
    }
}

private struct SubscriptionsBox: Sendable {
    let host: PluginHost
    let body: @Sendable (Page<SubscriptionInfo>, hl_status) -> Void

    static let run: hl_subscription_list_fn = { _, user, list in
        guard let box = Callback<SubscriptionsBox>.of(user)?.body, let list = list?.pointee else { return }
        let subscriptions = (0..<Int(list.count)).map { index in
            let place = UnsafeRawPointer(list.subscriptions) + index * Int(list.stride)
            return SubscriptionInfo(place.assumingMemoryBound(to: hl_subscription.self).pointee)
        }
        box.body(Page(elements: subscriptions, next: list.next == 0 ? nil : list.next), list.status)
        box.host.callbacks.remove(user)
    }
}

extension SessionInfo {
    fileprivate init(_ raw: hl_session_info) {
        clientID = raw.client_id.string
        isPersistent = raw.flags & HL_SESSION_PERSISTENT != 0
        expiry = raw.session_expiry
        subscriptions = Int(raw.subscriptions)
        inflight = Int(raw.inflight)
        queued = Int(clamping: raw.queued)
        protocolLevel = Int(raw.`protocol`)
        shard = Int(raw.shard)
        connection = raw.client.map { client in
            let groups = UnsafeBufferPointer(
                start: client.pointee.groups,
                count: client.pointee.groups == nil ? 0 : Int(client.pointee.group_count))
            return Connection(
                id: client.pointee.connection, userName: client.pointee.username.string,
                account: client.pointee.account.string, groups: groups.map(\.string),
                address: client.pointee.address.string, listener: client.pointee.listener.string,
                since: raw.connected_at, keepAlive: raw.keep_alive)
        }
    }
}

extension SubscriptionInfo {
    fileprivate init(_ raw: hl_subscription) {
        clientID = raw.client_id.string
        filter = raw.filter.string
        shareGroup = raw.share_group.string
        qos = Int(raw.qos)
        identifier = raw.subscription_id
        noLocal = raw.flags & HL_SUBSCRIBE_NO_LOCAL != 0
        retainAsPublished = raw.flags & HL_SUBSCRIBE_RETAIN_AS_PUBLISHED != 0
        retainHandling = Int(raw.retain_handling)
    }
}
