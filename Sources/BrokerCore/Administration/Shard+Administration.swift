public import MQTTCodec

/// What administrators and plugins ask about sessions. On the shard's thread, see ``ShardCommand/administer(_:)``.
extension Shard {
    /// The session of a client, when this is its home.
    public func report(ofClient clientID: [UInt8]) -> SessionReport? { findSession(clientID).map(report) }

    /// A page of the sessions of this shard. One that lives from the first page to the last is in exactly one.
    /// - Parameters:
    ///   - cursor: 0 for the first page, then what `next` said.
    ///   - limit: most sessions of a page.
    public func sessionReports(from cursor: UInt64, limit: Int) -> ReportPage<SessionReport> {
        var page = ReportPage<SessionReport>()
        page.next = walk(from: cursor, limit: limit) { page.reports.append(report($0)) }
        return page
    }

    /// A step of a longer walk: looks at `visits` sessions at most, and reports those that are connected, or are not.
    /// - Parameter connected: nil reports both.
    public func sessionReports(
        from cursor: UInt64, limit: Int, visits: Int, connected: Bool?
    ) -> ReportPage<SessionReport> {
        var page = ReportPage<SessionReport>()
        page.next = look(from: cursor, visits: visits) { session in
            guard page.reports.count < limit else { return false }
            if let connected, connected != (session.pointee.connection?.isOnline ?? false) { return true }
            page.reports.append(report(session))
            return true
        }
        return page
    }

    /// A step of a longer walk: the subscriptions of `visits` sessions at most, whole sessions until there are `limit`.
    /// - Parameter topic: only those whose filter matches this topic name; nil: all.
    public func subscriptionReports(
        from cursor: UInt64, limit: Int, visits: Int, matching topic: [UInt8]?
    ) -> ReportPage<SubscriptionReport> {
        var page = ReportPage<SubscriptionReport>()
        page.next = look(from: cursor, visits: visits) { session in
            guard page.reports.count < limit else { return false }
            page.reports += subscriptionReports(session, matching: topic)
            return true
        }
        return page
    }

    /// Subscriptions of the sessions of this shard.
    public var subscriptionCount: Int { state.pointee.tree.count }

    /// How many sessions and how many shared groups of this shard would receive a topic now.
    public func receivers(of topic: [UInt8]) -> (sessions: Int, groups: Int) {
        guard TopicName.validate(topic) == nil else { return (0, 0) }
        return topic.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return (0, 0) }
            let match = state.pointee.tree.match(state.pointee.topics.intern(start, bytes.count))
            return (match.pointee.targets.count, match.pointee.groups.count)
        }
    }

    /// All subscriptions of one client; nil when this shard has no such session.
    public func subscriptionReports(ofClient clientID: [UInt8]) -> [SubscriptionReport]? {
        findSession(clientID).map { subscriptionReports($0, matching: nil) }
    }

    /// The subscriptions of a page of sessions.
    /// - Parameter topic: only those whose filter matches this topic name; nil: all.
    public func subscriptionReports(
        from cursor: UInt64, limit: Int, matching topic: [UInt8]?
    ) -> ReportPage<SubscriptionReport> {
        var page = ReportPage<SubscriptionReport>()
        page.next = walk(from: cursor, limit: limit) { page.reports += subscriptionReports($0, matching: topic) }
        return page
    }

    /// Disconnects a client and ends its session. False when there is no such session here.
    public func endSession(ofClient clientID: [UInt8], reason: ReasonCode) -> Bool {
        guard let session = findSession(clientID) else { return false }
        if let connection = session.pointee.connection {
            disconnect(connection, reason: reason, cause: .kicked)
        }
        // A session without `persistent` has ended with its connection.
        if let session = findSession(clientID) { endSession(session, expired: false) }
        return true
    }

    /// Changes who is behind a connection and forgets the verdicts about it. False when it is not here.
    public func setIdentity(
        ofConnection id: UInt64, username: [UInt8], groups: [[UInt8]], account: [UInt8]
    ) -> Bool {
        var found: ConnectionRef?
        state.pointee.connections.forEach { _, connection in
            if connection.pointee.id == id, connection.isOnline { found = connection }
        }
        guard let found else { return false }
        found.extras.identity = found.extras.identity.with(username: username, groups: groups, account: account)
        identityChanged(found)
        hooks.revokeVerdicts(connection: id)
        return true
    }

    private func walk(from cursor: UInt64, limit: Int, _ body: (SessionRef) -> Void) -> UInt64? {
        look(from: cursor, visits: limit) { session in
            body(session)
            return true
        }
    }

    /// Calls `body` with up to `visits` sessions, until it answers false: with that one the next walk begins.
    private func look(from cursor: UInt64, visits: Int, _ body: (SessionRef) -> Bool) -> UInt64? {
        var left = max(1, visits)
        let next = state.pointee.sessions.walk(from: Int(truncatingIfNeeded: cursor & 0xffff_ffff)) { session in
            guard !session.pointee.flags.contains(.ended) else { return true }
            guard left > 0 else { return false }
            left -= 1
            return body(session)
        }
        return next.map { UInt64($0) }
    }

    private func report(_ session: SessionRef) -> SessionReport {
        var report = SessionReport(
            clientID: session.pointee.clientID, expiryInterval: session.pointee.expiryInterval,
            isPersistent: session.pointee.flags.contains(.persistent),
            protocolLevel: session.pointee.version.rawValue,
            subscriptions: Int(session.pointee.subscriptions.count), inflight: Int(session.pointee.window.count),
            queued: session.pointee.queue.count, shard: index)
        if let connection = session.pointee.connection, connection.isOnline {
            report.identity = connection.extras.identity
            report.connection = connection.pointee.id
            report.connectedAt = connection.extras.connectedAt
            report.keepAlive = connection.extras.keepAlive
        }
        return report
    }

    private func subscriptionReports(_ session: SessionRef, matching topic: [UInt8]?) -> [SubscriptionReport] {
        var reports: [SubscriptionReport] = []
        state.pointee.tree.forEach(in: session.pointee.subscriptions) { subscription in
            var (group, filter) = ([UInt8](), Array(subscription.pointee.filterBytes))
            if subscription.pointee.isShared {
                // $share/{name}/{filter}
                let parts = filter.split(separator: UInt8(ascii: "/"), maxSplits: 2, omittingEmptySubsequences: false)
                if parts.count == 3 { (group, filter) = (Array(parts[1]), Array(parts[2])) }
            }
            if let topic {
                let matches = filter.withUnsafeBytes { filter in
                    topic.withUnsafeBytes { TopicFilter.matches(filter: filter, topic: $0) }
                }
                guard matches else { return }
            }
            let flags = subscription.pointee.flags
            reports.append(
                SubscriptionReport(
                    clientID: session.pointee.clientID, filter: filter, shareGroup: group, qos: flags.qos,
                    noLocal: flags.noLocal, retainAsPublished: flags.retainAsPublished,
                    retainHandling: flags.retainHandling, identifier: subscription.pointee.identifier))
        }
        return reports
    }
}
