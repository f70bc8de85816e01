import BrokerCore
import PluginABI

/// subs/1
extension ServiceTables {
    static func makeSubs() -> hl_subs_v1 {
        var table = hl_subs_v1()
        table.struct_size = UInt32(MemoryLayout<hl_subs_v1>.size)
        table.of_client = { handle, clientID, function, user in
            guard let function else { return HL_INVALID }
            let clientID = Array(clientID.bytes)
            let answer = PageAnswer<hl_subscription_list>(function: { function($0, $1, $2) }, user: user)
            return ServiceTables.ask(handle, homeOf: clientID) { instance, shard in
                let reports = shard.subscriptionReports(ofClient: clientID)
                answer.send(reports ?? [], next: 0, status: reports == nil ? HL_NOT_FOUND : HL_OK, to: instance)
            }
        }
        table.list = { handle, cursor, limit, function, user in
            ServiceTables.listSubscriptions(handle, topic: nil, cursor, limit, function, user)
        }
        table.matching = { handle, topic, cursor, limit, function, user in
            guard ServiceTables.isValidTopic(topic.bytes) else { return HL_INVALID }
            return ServiceTables.listSubscriptions(handle, topic: Array(topic.bytes), cursor, limit, function, user)
        }
        return table
    }

    private static func listSubscriptions(
        _ handle: UnsafeMutablePointer<hl_self>?, topic: [UInt8]?, _ cursor: UInt64, _ limit: UInt32,
        _ function: hl_subscription_list_fn?, _ user: UnsafeMutableRawPointer?
    ) -> hl_status {
        guard let function, (1...maximumPage).contains(limit) else { return HL_INVALID }
        let answer = PageAnswer<hl_subscription_list>(function: { function($0, $1, $2) }, user: user)
        return ask(handle, cursor: cursor) { instance, shard in
            let page = shard.subscriptionReports(from: cursor, limit: Int(limit), matching: topic)
            let next = ServiceTables.cursor(after: page.next, in: shard, of: instance)
            answer.send(page.reports, next: next, status: HL_OK, to: instance)
        }
    }
}

extension PageAnswer<hl_subscription_list> {
    fileprivate func send(
        _ reports: [SubscriptionReport], next: UInt64, status: hl_status, to instance: PluginInstance
    ) {
        send(to: instance) { memory in
            var list = hl_subscription_list()
            list.struct_size = UInt32(MemoryLayout<hl_subscription_list>.size)
            list.status = status
            list.subscriptions = memory.array(reports.map { Self.subscription($0, memory) })
            list.count = list.subscriptions == nil ? 0 : UInt32(reports.count)
            list.stride = UInt32(MemoryLayout<hl_subscription>.stride)
            list.next = next
            return list
        }
    }

    private static func subscription(_ report: SubscriptionReport, _ memory: LentMemory) -> hl_subscription {
        var subscription = hl_subscription()
        subscription.struct_size = UInt32(MemoryLayout<hl_subscription>.size)
        subscription.flags =
            (report.noLocal ? HL_SUBSCRIBE_NO_LOCAL : 0)
            | (report.retainAsPublished ? HL_SUBSCRIBE_RETAIN_AS_PUBLISHED : 0)
        subscription.client_id = memory.view(report.clientID)
        subscription.filter = memory.view(report.filter)
        subscription.share_group = memory.view(report.shareGroup)
        subscription.qos = UInt32(report.qos)
        subscription.retain_handling = UInt32(report.retainHandling)
        subscription.subscription_id = report.identifier
        return subscription
    }
}
