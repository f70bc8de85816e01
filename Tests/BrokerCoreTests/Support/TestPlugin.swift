import PluginABI

@testable import BrokerCore

/// A plugin made of closures, called through the C table like any other.
final class TestPlugin {
    typealias Body = (UnsafeMutablePointer<hl_call>, UnsafeRawPointer) -> UInt32

    private var bodies: [UInt32: Body] = [:]
    private var calls: [UInt32: Int] = [:]
    /// It does not ask to answer acl.publish and msg.in later.
    var answersAtOnce = false
    /// It is HL_BLOCKING.
    var blocks = false
    private var instances: [HookInstance] = []
    /// Work given to the workers, run by ``runWork()``.
    private let work = WorkList()
    private(set) var cancelled: [UInt64] = []
    private let handle: UnsafeMutablePointer<hl_self>

    init() {
        handle = .allocate(capacity: 1)
        handle.initialize(to: hl_self())
    }

    deinit { handle.deallocate() }

    /// How often a hook was called.
    func calls(_ hook: UInt32) -> Int { calls[hook, default: 0] }

    /// What the worker threads would do: deferred and blocking hooks, then events. One test is one thread.
    func runWork() {
        while !work.items.isEmpty { work.items.removeFirst()() }
        for instance in instances { while instance.events.run(limit: 64, now: 0) {} }
    }

    private final class WorkList: @unchecked Sendable {
        // Unchecked: a test and the broker it drives are one thread.
        var items: [@Sendable () -> Void] = []
        var hasEvents = false
        var turns: [Turn] = []
    }

    /// A hook that does nothing but fail, or works again.
    struct Turn: Equatable {
        var hook: UInt32
        var what: HookTurn
    }

    /// What was told of its hooks.
    var turns: [Turn] { work.turns }
    /// When its hooks are given up.
    var breaker = HookBreaker()

    // MARK: What it answers

    /// Any hook, with its struct as it comes.
    func on(_ hook: UInt32, _ body: @escaping Body) { bodies[hook] = body }

    func onConnect(_ body: @escaping (UnsafeMutablePointer<hl_call>, hl_connect) -> UInt32) {
        bodies[HL_HOOK_AUTH_CONNECT] = { body($0, $1.load(as: hl_connect.self)) }
    }

    func onExchange(_ body: @escaping (UnsafeMutablePointer<hl_call>, hl_exchange) -> UInt32) {
        bodies[HL_HOOK_AUTH_EXCHANGE] = { body($0, $1.load(as: hl_exchange.self)) }
    }

    func onPublish(_ body: @escaping (UnsafeMutablePointer<hl_call>, hl_msg) -> UInt32) {
        bodies[HL_HOOK_ACL_PUBLISH] = { body($0, $1.load(as: hl_msg.self)) }
    }

    func onSubscribe(_ body: @escaping (UnsafeMutablePointer<hl_call>, hl_subscribe) -> UInt32) {
        bodies[HL_HOOK_ACL_SUBSCRIBE] = { body($0, $1.load(as: hl_subscribe.self)) }
    }

    func onMessage(_ body: @escaping (UnsafeMutablePointer<hl_call>, hl_msg) -> UInt32) {
        bodies[HL_HOOK_MSG_IN] = { body($0, $1.load(as: hl_msg.self)) }
    }

    /// Decides for each receiver of a message.
    func onDeliver(_ mayReceive: @escaping (UnsafeMutablePointer<hl_call>, hl_msg, hl_client) -> Bool) {
        bodies[HL_HOOK_ACL_DELIVER] = { call, input in
            let delivery = input.load(as: hl_delivery.self)
            for index in 0..<Int(delivery.receiver_count) {
                let receiver = delivery.receivers[index]
                let bits =
                    mayReceive(call, delivery.msg.pointee, receiver.client.pointee) ? delivery.allow : delivery.deny
                bits?[index / 64] |= 1 << UInt64(index % 64)
            }
            return HL_ABSTAIN
        }
    }

    // MARK: The C side

    private static let hook:
        @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<hl_call>?, UnsafeRawPointer?) -> UInt32 =
            { state, call, input in
                guard let state, let call, let input else { return HL_ERROR }
                let plugin = Unmanaged<TestPlugin>.fromOpaque(state).takeUnretainedValue()
                let hook = call.pointee.hook
                plugin.calls[hook, default: 0] += 1
                return plugin.bodies[hook]?(call, input) ?? HL_ABSTAIN
            }

    /// A table with this plugin alone. The plugin must outlive its use.
    func table(generation: UInt32 = 1, deadline: Int64 = 0) -> HookTable {
        HookTable(generation: generation, entries: entries(generation: generation, deadline: deadline))
    }

    /// Its registrations, for a table of several plugins.
    func entries(number: UInt64 = 1, generation: UInt32 = 1, deadline: Int64 = 0) -> [HookEntry] {
        let instance = HookInstance(
            number: number, name: "test", generation: generation, handle: handle,
            state: Unmanaged.passUnretained(self).toOpaque(),
            onCancel: { state, token in
                Unmanaged<TestPlugin>.fromOpaque(state!).takeUnretainedValue().cancelled.append(token)
                return HL_OK
            },
            submit: { [work] in
                work.items.append($0)
                return true
            }, eventsReady: { [work] in work.hasEvents = true },
            turned: { [work] in work.turns.append(Turn(hook: $0, what: $1)) })
        instances.append(instance)
        return bodies.keys.sorted().map { hook in
            var interest = HookInterest()
            let pending = HookTraits.of(hook)?.pending ?? .never
            interest.mayPend = pending == .always || pending == .ifAsked && !answersAtOnce
            interest.deadline = deadline
            var entry = HookEntry(
                hook: hook, function: unsafeBitCast(Self.hook, to: hl_hook_fn.self), instance: instance,
                interest: interest)
            entry.breaker = breaker
            entry.blocks = blocks && HookTraits.of(hook)?.pending != .never
            return entry
        }
    }
}

extension TestBroker {
    func install(_ plugin: TestPlugin, generation: UInt32 = 1, deadline: Int64 = 0) {
        plugins.append(plugin)
        broker.install(plugin.table(generation: generation, deadline: deadline))
        settle()
    }

    /// Several plugins, numbered from 1 in the order of the chain.
    func install(_ chain: [TestPlugin], generation: UInt32 = 1) {
        plugins += chain
        let entries = chain.enumerated().flatMap { index, plugin in
            plugin.entries(number: UInt64(index + 1), generation: generation)
        }
        broker.install(HookTable(generation: generation, entries: entries))
        settle()
    }

    /// Answers a call that waits.
    func complete(_ token: UInt64, _ verdict: UInt32) {
        _ = broker.pendingHooks[PendingHooks.shard(of: token)].complete(token, verdict, nil, by: 1)
        settle()
    }
}

extension UnsafeMutablePointer where Pointee == hl_call {
    /// The functions of the call.
    var api: hl_call_v1 { pointee.api.pointee }

    /// Promises a later answer.
    func pend() -> UInt64 { api.pend(self) }

    /// Says who the client is.
    func withIdentity(_ name: String) {
        var name = name
        name.withUTF8 { _ = api.set_identity(self, hl_view(UnsafeRawBufferPointer($0)), nil, 0, hl_view()) }
    }

    /// Lends text as a view.
    func withView(_ text: String, _ body: (hl_view) -> Void) {
        var text = text
        text.withUTF8 { body(hl_view(UnsafeRawBufferPointer($0))) }
    }

    func with(_ text: String, _ setter: (UnsafeMutablePointer<hl_call>?, hl_view) -> hl_status) {
        var text = text
        text.withUTF8 { _ = setter(self, hl_view(UnsafeRawBufferPointer($0))) }
    }
}
