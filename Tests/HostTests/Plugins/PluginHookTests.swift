import BrokerCore
import PluginABI
import Testing

@testable import Host

/// Every hook of hooks.h, asked for by a C plugin and called through the loader's table.
@Suite struct PluginHookTests {
    /// A started plugin that asks for everything, and the dispatcher of one event loop.
    private func start(refuse: UInt32 = 0) throws -> PluginHarness {
        let harness = try PluginHarness()
        try harness.start(try PluginFixture.build("hooks", "-DREFUSE=\(refuse)"))
        return harness
    }

    private func message(_ topic: String) -> hl_msg {
        var msg = hl_msg()
        msg.struct_size = UInt32(MemoryLayout<hl_msg>.size)
        msg.topic = view(topic)
        msg.payload = view("x")
        msg.expires = Int64(HL_NEVER)
        return msg
    }

    @Test("a plugin can ask for every hook there is, and the table has them all")
    func registration() throws {
        let harness = try start()
        let table = try #require(harness.record.read { $0.tables.last })
        let deciding = HL_HOOK_CONN_ACCEPT...HL_HOOK_RETAIN_GET
        let events = HL_HOOK_NOTIFY_CONNECTED...HL_HOOK_NOTIFY_STATS
        let names = harness.host.statuses.flatMap(\.hooks)
        for hook in Array(deciding) + Array(events) {
            #expect(HookTable.isOffered(hook), "\(HookTable.name(of: hook))")
            #expect(names.contains(HookTable.name(of: hook)))
        }
        #expect(table.hasConnAccept && table.hasMsgStore && table.hasRetainGet)
        for hook in events { #expect(table.notifies(hook)) }
    }

    @Test("hooks about connections and sessions")
    func connections() throws {
        let harness = try start()
        let hooks = harness.dispatchers[0]
        var accept = hl_accept()
        #expect(hooks.connAccept(&accept, now: 1) == .abstain)
        var psk = hl_psk()
        psk.identity = view("sensor")
        #expect(hooks.tlsPSK(&psk, now: 1) == .allow && hooks.lastResult.data?.text == "key")
        psk.identity = view("other")
        #expect(hooks.tlsPSK(&psk, now: 1) == .abstain)
        var client = hl_client()
        withUnsafePointer(to: &client) { client in
            var peer = hl_peer()
            peer.client = client
            peer.common_name = view("seven")
            #expect(hooks.tlsPeer(&peer, now: 1) == .allow && hooks.lastResult.username.text == "seven")
            var session = hl_session()
            session.client = client
            #expect(hooks.sessionOpen(&session, now: 1) == .allow)
            var exchange = hl_exchange()
            exchange.client = client
            #expect(hooks.authExchange(&exchange, now: 1) == .challenge)
            #expect(hooks.lastResult.data?.text == "challenge" && hooks.lastResult.memo.text == "one step")
            exchange.step = 1
            exchange.memo = view("one step")
            #expect(hooks.authExchange(&exchange, only: 1, now: 1) == .allow)
        }
        let called = harness.messages("test.hook", count: 6).sorted()
        #expect(
            called
                == [
                    HL_HOOK_CONN_ACCEPT, HL_HOOK_TLS_PSK, HL_HOOK_TLS_PEER, HL_HOOK_SESSION_OPEN,
                    HL_HOOK_AUTH_EXCHANGE, HL_HOOK_AUTH_EXCHANGE,
                ].map { "\($0)" }.sorted())
    }

    @Test("hooks about wills and retained messages, and what a refusal of them means")
    func messages() throws {
        for refuse in [0, HL_HOOK_WILL_PUBLISH, HL_HOOK_RETAIN_SET, HL_HOOK_RETAIN_GET] {
            let hooks = try start(refuse: refuse)
            let dispatcher = hooks.dispatchers[0]
            var msg = message("t")
            #expect(
                dispatcher.willPublish(&msg, mask: .max, now: 1)
                    == (refuse == HL_HOOK_WILL_PUBLISH ? .deny : .abstain))
            #expect(
                dispatcher.retainSet(&msg, mask: .max, now: 1) == (refuse == HL_HOOK_RETAIN_SET ? .deny : .abstain))
            withUnsafePointer(to: &msg) { msg in
                var retained = hl_retained()
                retained.msg = msg
                #expect(
                    dispatcher.retainGet(&retained, mask: .max, now: 1)
                        == (refuse == HL_HOOK_RETAIN_GET ? .deny : .abstain))
            }
        }
    }

    @Test("msg.store runs on a worker, and its answer comes through the mailbox")
    func store() throws {
        for refuse in [0, HL_HOOK_MSG_STORE] {
            let harness = try start(refuse: refuse)
            let hooks = harness.dispatchers[0]
            var msg = message("t")
            guard case .pending(let token, _) = hooks.msgStore(&msg, mask: .max, now: 1) else {
                Issue.record("msg.store did not go to a worker")
                return
            }
            #expect(harness.completions() == [token])
            #expect(hooks.resume(token, now: 2) == (refuse == 0 ? .allow : .deny))
        }
    }
}
