import BrokerCore
import MQTTCodec
import PluginABI

/// client/1
extension ServiceTables {
    /// Most sessions of a page.
    static let maximumPage: UInt32 = 1000

    static func makeClient() -> hl_client_v1 {
        var table = hl_client_v1()
        table.struct_size = UInt32(MemoryLayout<hl_client_v1>.size)
        addCommands(&table)
        addQuestions(&table)
        return table
    }

    private static func addCommands(_ table: inout hl_client_v1) {
        table.revoke = { handle, connection in
            ServiceTables.withPort(handle) { $0.revokeVerdicts(connection) }
        }
        table.recheck = { handle, connection in
            ServiceTables.withPort(handle) { $0.recheckSubscriptions(connection) }
        }
        table.kick = { handle, connection, reason in
            guard connection != 0, let reason = UInt8(exactly: reason) else { return HL_INVALID }
            return ServiceTables.withPort(handle) { $0.kick(connection, reason) }
        }
        table.kick_client_id = { handle, clientID, reason in
            guard let reason = UInt8(exactly: reason) else { return HL_INVALID }
            return ServiceTables.withPort(handle) { $0.kickClientID(Array(clientID.bytes), reason) }
        }
    }

    private static func addQuestions(_ table: inout hl_client_v1) {
        table.get = { handle, clientID, function, user in
            guard let function else { return HL_INVALID }
            let clientID = Array(clientID.bytes)
            let answer = PageAnswer<hl_session_list>(function: { function($0, $1, $2) }, user: user)
            return ServiceTables.ask(handle, homeOf: clientID) { instance, shard in
                let reports = [shard.report(ofClient: clientID)].compactMap { $0 }
                answer.send(reports, next: 0, status: reports.isEmpty ? HL_NOT_FOUND : HL_OK, to: instance)
            }
        }
        table.list = { handle, cursor, limit, function, user in
            guard let function, (1...ServiceTables.maximumPage).contains(limit) else { return HL_INVALID }
            let answer = PageAnswer<hl_session_list>(function: { function($0, $1, $2) }, user: user)
            return ServiceTables.ask(handle, cursor: cursor) { instance, shard in
                let page = shard.sessionReports(from: cursor, limit: Int(limit))
                let next = ServiceTables.cursor(after: page.next, in: shard, of: instance)
                answer.send(page.reports, next: next, status: HL_OK, to: instance)
            }
        }
        table.end_session = { handle, clientID, reason, done, user in
            guard let reason = UInt8(exactly: reason) else { return HL_INVALID }
            let clientID = Array(clientID.bytes)
            let answer = DoneAnswer(function: done, user: user)
            return ServiceTables.ask(handle, homeOf: clientID) { instance, shard in
                let isThere = shard.endSession(ofClient: clientID, reason: ReasonCode(rawValue: reason))
                answer.send(isThere ? HL_OK : HL_NOT_FOUND, to: instance)
            }
        }
        table.set_identity = { handle, connection, username, groups, count, account, done, user in
            guard count <= 1024, username.len <= 65_535, account.len <= 65_535 else { return HL_INVALID }
            let names = (0..<Int(groups == nil ? 0 : count)).compactMap { index in
                groups.map { Array($0[index].bytes) }
            }
            let (username, account) = (Array(username.bytes), Array(account.bytes))
            let answer = DoneAnswer(function: done, user: user)
            return ServiceTables.ask(handle, cursor: connection) { instance, shard in
                let isThere = shard.setIdentity(
                    ofConnection: connection, username: username, groups: names, account: account)
                answer.send(isThere ? HL_OK : HL_NOT_FOUND, to: instance)
            }
        }
    }

    // MARK: Asking shards

    private static func withPort(
        _ handle: UnsafeMutablePointer<hl_self>?, _ body: (BrokerPort) -> Void
    ) -> hl_status {
        guard let instance = PluginInstance.of(handle) else { return HL_INVALID }
        body(instance.context.environment.broker)
        return HL_OK
    }

    /// Runs `body` on the shard whose number stands in the upper byte of a cursor or a connection.
    static func ask(
        _ handle: UnsafeMutablePointer<hl_self>?, cursor: UInt64,
        _ body: @escaping @Sendable (PluginInstance, Shard) -> Void
    ) -> hl_status {
        guard let instance = PluginInstance.of(handle) else { return HL_INVALID }
        guard instance.phase < .stopped else { return HL_NOT_ALLOWED }
        guard let broker = instance.context.environment.broker.broker else { return HL_UNAVAILABLE }
        let shard = Int(cursor >> 56)
        guard shard < broker.shards.count else { return HL_INVALID }
        broker.post(.administer { body(instance, $0) }, to: shard)
        return HL_OK
    }

    /// Runs `body` on the shard where the session of a client lives.
    static func ask(
        _ handle: UnsafeMutablePointer<hl_self>?, homeOf clientID: [UInt8],
        _ body: @escaping @Sendable (PluginInstance, Shard) -> Void
    ) -> hl_status {
        guard let broker = PluginInstance.of(handle)?.context.environment.broker.broker else { return HL_UNAVAILABLE }
        return ask(handle, cursor: UInt64(broker.homeShard(ofClient: clientID)) << 56, body)
    }

    /// The cursor of the next page: in the same shard, or at the beginning of the next one; 0 at the end.
    static func cursor(after next: UInt64?, in shard: Shard, of instance: PluginInstance) -> UInt64 {
        if let next { return UInt64(shard.index) << 56 | next }
        let count = instance.context.environment.broker.broker?.shards.count ?? 0
        return shard.index + 1 < count ? UInt64(shard.index + 1) << 56 : 0
    }
}

/// A page of sessions or subscriptions on its way to the function that asked.
///
/// @unchecked Sendable: function and pointer are the plugin's; it gave them to be used on a worker.
struct PageAnswer<Page>: @unchecked Sendable {
    let function: (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, UnsafePointer<Page>) -> Void
    let user: UnsafeMutableRawPointer?

    /// Makes the page on a worker, in memory that lives until the function has returned.
    func send(to instance: PluginInstance, _ make: @escaping @Sendable (LentMemory) -> Page) {
        instance.onWorker { [self] in
            let memory = LentMemory()
            var page = make(memory)
            withExtendedLifetime(memory) { function(instance.pluginState, user, &page) }
        }
    }
}

extension PageAnswer<hl_session_list> {
    fileprivate func send(
        _ reports: [SessionReport], next: UInt64, status: hl_status, to instance: PluginInstance
    ) {
        send(to: instance) { memory in
            var list = hl_session_list()
            list.struct_size = UInt32(MemoryLayout<hl_session_list>.size)
            list.status = status
            list.sessions = memory.array(reports.map { Self.session($0, memory) })
            list.count = list.sessions == nil ? 0 : UInt32(reports.count)
            list.stride = UInt32(MemoryLayout<hl_session_info>.stride)
            list.next = next
            return list
        }
    }

    private static func session(_ report: SessionReport, _ memory: LentMemory) -> hl_session_info {
        var session = hl_session_info()
        session.struct_size = UInt32(MemoryLayout<hl_session_info>.size)
        session.flags =
            (report.identity != nil ? HL_SESSION_CONNECTED : 0) | (report.isPersistent ? HL_SESSION_PERSISTENT : 0)
        session.client_id = memory.view(report.clientID)
        session.client = report.identity.flatMap {
            memory.client($0, connection: report.connection, protocolLevel: report.protocolLevel)
        }
        session.connected_at = report.connectedAt
        session.keep_alive = UInt32(report.keepAlive)
        session.session_expiry = report.expiryInterval
        session.subscriptions = UInt32(report.subscriptions)
        session.inflight = UInt32(report.inflight)
        session.queued = UInt64(report.queued)
        session.protocol = UInt32(report.protocolLevel)
        session.shard = UInt32(report.shard)
        return session
    }
}

/// Who wants to know that a change is done.
///
/// @unchecked Sendable: the pointer is the plugin's; it gave it to be used on a worker.
struct DoneAnswer: @unchecked Sendable {
    let function: hl_done_fn?
    let user: UnsafeMutableRawPointer?

    func send(_ status: hl_status, to instance: PluginInstance) {
        guard let function else { return }
        instance.onWorker { [self] in function(instance.pluginState, user, status) }
    }
}
