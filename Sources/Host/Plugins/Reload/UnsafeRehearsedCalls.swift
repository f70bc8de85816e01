import BrokerCore
import PluginABI

/// One call of each common hook, as an ordinary client would cause it. Only whether the plugin survives it counts: the
/// verdicts are nobody's.
enum RehearsedCalls {
    static func make(_ table: HookTable, _ dispatcher: HookDispatcher, step: (String) -> Void) {
        let words = ["preflight", "user", "preflight/topic", "127.0.0.1:40000", "tcp", "{}"]
        let kept = words.map { word -> UnsafeMutableBufferPointer<UInt8> in
            let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: word.utf8.count)
            _ = bytes.initialize(from: word.utf8)
            return bytes
        }
        let views = kept.map { hl_view(ptr: UnsafePointer($0.baseAddress), len: UInt64($0.count)) }
        // Views may have been kept by mistake: they live as long as the process, which is short.
        var client = hl_client()
        client.struct_size = UInt32(MemoryLayout<hl_client>.size)
        client.client_id = views[0]
        client.username = views[1]
        client.address = views[3]
        client.listener = views[4]
        client.connection = 1
        withUnsafePointer(to: &client) { client in
            connect(table, dispatcher, client, views, step)
            publish(table, dispatcher, client, views, step)
        }
    }

    private static func connect(
        _ table: HookTable, _ dispatcher: HookDispatcher, _ client: UnsafePointer<hl_client>, _ views: [hl_view],
        _ step: (String) -> Void
    ) {
        if table.hasAuthConnect {
            step("hook auth.connect")
            var connect = hl_connect()
            connect.struct_size = UInt32(MemoryLayout<hl_connect>.size)
            connect.client = client
            connect.username = views[1]
            connect.password = views[0]
            settle(dispatcher.authConnect(&connect, now: monotonicNow()), dispatcher)
        }
        if table.hasACLSubscribe {
            step("hook acl.subscribe")
            var subscribe = hl_subscribe()
            subscribe.struct_size = UInt32(MemoryLayout<hl_subscribe>.size)
            subscribe.client = client
            subscribe.filter = views[2]
            subscribe.qos = 1
            settle(dispatcher.aclSubscribe(&subscribe, now: monotonicNow()), dispatcher)
        }
    }

    private static func publish(
        _ table: HookTable, _ dispatcher: HookDispatcher, _ client: UnsafePointer<hl_client>, _ views: [hl_view],
        _ step: (String) -> Void
    ) {
        var msg = hl_msg()
        msg.struct_size = UInt32(MemoryLayout<hl_msg>.size)
        msg.topic = views[2]
        msg.payload = views[5]
        msg.qos = 1
        msg.publisher = client
        let mask = dispatcher.interestMask(topic: msg.topic.bytes)
        if table.hasACLPublish {
            step("hook acl.publish")
            settle(dispatcher.aclPublish(&msg, mask: mask, now: monotonicNow()), dispatcher)
        }
        if table.hasMsgIn {
            step("hook msg.in")
            settle(dispatcher.msgIn(&msg, mask: mask, now: monotonicNow()), dispatcher)
        }
        guard table.hasACLDeliver else { return }
        step("hook acl.deliver")
        var receiver = hl_receiver()
        receiver.client = client
        var deny: UInt64 = 0
        withUnsafePointer(to: &receiver) { receiver in
            dispatcher.aclDeliver(
                &msg, UnsafeBufferPointer(start: receiver, count: 1), deny: &deny, abstainDenies: true, mask: mask,
                now: monotonicNow())
        }
    }

    /// Nobody waits for what is answered later.
    private static func settle(_ outcome: HookOutcome, _ dispatcher: HookDispatcher) {
        if case .pending(let token, _) = outcome { dispatcher.cancel(token) }
    }
}
