import PluginABI

@testable import BrokerCore

/// What a fake plugin does when it is called: the state pointer of its instance.
final class Script {
    var verdict: UInt32 = HL_ABSTAIN
    /// Runs before the verdict is returned; may set it.
    var body: ((UnsafeMutablePointer<hl_call>, UnsafeRawPointer, Script) -> Void)?
    var calls = 0
    var cancelled: [UInt64] = []
    var cancelAnswer: UInt32 = HL_BUSY
    /// Work given to the workers, to be run by hand.
    var work: [@Sendable () -> Void] = []

    init(
        _ verdict: UInt32 = HL_ABSTAIN,
        _ body: ((UnsafeMutablePointer<hl_call>, UnsafeRawPointer, Script) -> Void)? = nil
    ) {
        self.verdict = verdict
        self.body = body
    }

    /// Every deciding hook has this C shape.
    static let hook:
        @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<hl_call>?, UnsafeRawPointer?) -> UInt32 =
            { state, call, input in
                let script = Unmanaged<Script>.fromOpaque(state!).takeUnretainedValue()
                script.calls += 1
                script.body?(call!, input!, script)
                return script.verdict
            }
}

/// One shard with fake plugins, without dlopen.
final class HookFixture {
    final class Wakes: @unchecked Sendable { var count = 0 }

    let wakes = Wakes()
    let pending: PendingHooks
    let dispatcher: HookDispatcher
    private(set) var instances: [HookInstance] = []
    private var entries: [HookEntry] = []
    private var handles: [UnsafeMutablePointer<hl_self>] = []
    private var scripts: [Script] = []

    init(maximumPending: Int = 10_000) {
        let wakes = wakes
        pending = PendingHooks(shard: 3, maximumPerInstance: maximumPending) { wakes.count += 1 }
        dispatcher = HookDispatcher(pending: pending)
    }

    deinit { handles.forEach { $0.deallocate() } }

    /// Room for four events.
    private static var fourEvents: HookEventQueue.Bounds {
        var bounds = HookEventQueue.Bounds()
        bounds.events = 4
        return bounds
    }

    /// Adds a plugin to the end of the chain and installs the table.
    @discardableResult
    func add(
        _ script: Script, _ hooks: UInt32..., interest: HookInterest = HookInterest(), blocks: Bool = false,
        onFailure: UInt32 = HL_DENY, decidesAlone: Bool? = nil
    ) -> HookInstance {
        let handle = UnsafeMutablePointer<hl_self>.allocate(capacity: 1)
        handle.initialize(to: hl_self())
        let box = ScriptBox(script)
        let instance = HookInstance(
            number: UInt64(instances.count + 1), name: "plugin-\(instances.count + 1)", generation: 1, handle: handle,
            state: Unmanaged.passUnretained(script).toOpaque(),
            onCancel: { state, token in
                let script = Unmanaged<Script>.fromOpaque(state!).takeUnretainedValue()
                script.cancelled.append(token)
                return script.cancelAnswer
            },
            submit: { work in
                box.script.work.append(work)
                return true
            }, events: HookFixture.fourEvents, eventsReady: { box.script.calls += 100 })
        handles.append(handle)
        scripts.append(script)
        instances.append(instance)
        for hook in hooks {
            var entry = HookEntry(
                hook: hook, function: unsafeBitCast(Script.hook, to: hl_hook_fn.self), instance: instance,
                interest: interest)
            entry.blocks = blocks
            entry.onFailure = onFailure
            if let decidesAlone { entry.decidesAlone = decidesAlone }
            entries.append(entry)
        }
        dispatcher.table = HookTable(generation: UInt32(entries.count), entries: entries)
        return instance
    }

    private final class ScriptBox: @unchecked Sendable {
        let script: Script
        init(_ script: Script) { self.script = script }
    }
}

/// The text as bytes that live as long as the process; tests are short.
func view(_ text: String) -> hl_view {
    let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(text.utf8.count, 1))
    _ = bytes.initialize(from: text.utf8)
    return hl_view(ptr: UnsafePointer(bytes.baseAddress), len: UInt64(text.utf8.count))
}

/// A client with a connection number.
func client(_ connection: UInt64, listener: String = "tcp") -> UnsafePointer<hl_client> {
    let client = UnsafeMutablePointer<hl_client>.allocate(capacity: 1)
    client.initialize(to: hl_client())
    client.pointee.struct_size = UInt32(MemoryLayout<hl_client>.size)
    client.pointee.connection = connection
    client.pointee.client_id = view("c\(connection)")
    client.pointee.listener = view(listener)
    return UnsafePointer(client)
}

/// A message from a client.
func message(_ topic: String, from connection: UInt64 = 1, payload: String = "x", qos: UInt32 = 0) -> hl_msg {
    var msg = hl_msg()
    msg.struct_size = UInt32(MemoryLayout<hl_msg>.size)
    msg.topic = view(topic)
    msg.payload = view(payload)
    msg.publisher = client(connection)
    msg.qos = qos
    msg.expires = .max
    return msg
}

/// A CONNECT.
func connect(user: String, password: String = "") -> hl_connect {
    var connect = hl_connect()
    connect.struct_size = UInt32(MemoryLayout<hl_connect>.size)
    connect.client = client(1)
    connect.username = view(user)
    connect.password = view(password)
    return connect
}

extension HookInterest {
    static var pending: HookInterest {
        var interest = HookInterest()
        interest.mayPend = true
        return interest
    }

    static func filters(_ filters: String...) -> HookInterest {
        var interest = HookInterest()
        interest.filters = filters.map { Array($0.utf8) }
        return interest
    }
}
