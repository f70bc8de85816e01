import BrokerCore
import Glibc
import MQTTCodec
import PluginABI
import StoreFormat

// One publisher, one subscriber, QoS 0, 64 bytes, pipelined: bytes in, bytes out, no socket.
//
//   hook-bench MODE MESSAGES PLUGIN     none | unrelated | allow | allow2 | cached | untraced | unsampled
//
// Benchmarks/hooks/run.py runs it under callgrind and compares with the thresholds beside it.

/// Takes what the shard writes, and keeps nothing.
final class Sink: ShardTransport {
    var written = 0
    func write(_ transport: UInt64, _ bytes: UnsafeRawBufferPointer) -> Int {
        written += bytes.count
        return bytes.count
    }
    func close(_ transport: UInt64, graceful: Bool) {}
    func pauseReading(_ transport: UInt64) {}
    func resumeReading(_ transport: UInt64) {}
    func move(_ transport: UInt64, to target: Int, _ transfer: ConnectionTransfer) {}
    func wake(shard target: Int) {}
    func load(_ messages: [UInt64], for session: UInt64) {}
    func persist(_ rows: [StoreRow], ticket: UInt64) {}
    func event(_ event: BrokerEvent) {}
}

func fail(_ words: String, code: Int32) -> Never {
    var line = words + "\n"
    line.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
    exit(code)
}

/// The shared object whose hooks are called.
struct BenchPlugin {
    let image: UnsafeMutableRawPointer
    let instance: HookInstance

    /// A registration for everything.
    func entry(_ hook: UInt32, _ name: String) -> HookEntry {
        guard let symbol = dlsym(image, name) else { fail("the plugin has no \(name)", code: 66) }
        return HookEntry(
            hook: hook, function: unsafeBitCast(symbol, to: hl_hook_fn.self), instance: instance,
            interest: HookInterest())
    }

    /// acl.publish and acl.deliver.
    func access(_ kind: String) -> [HookEntry] {
        [
            entry(HL_HOOK_ACL_PUBLISH, "bench_\(kind)_publish"),
            entry(HL_HOOK_ACL_DELIVER, "bench_\(kind)_deliver"),
        ]
    }

    func table(_ mode: String) -> HookTable {
        switch mode {
        case "unrelated": HookTable(generation: 1, entries: [entry(HL_HOOK_NOTIFY_DROPPED, "bench_ignore")])
        case "allow": HookTable(generation: 1, entries: access("allow"))
        case "allow2": HookTable(generation: 1, entries: access("allow") + access("allow"))
        case "cached": HookTable(generation: 1, entries: access("cached"))
        default: .empty
        }
    }
}

func send(_ packet: Packet, to shard: Shard, _ handle: UInt64) {
    packet.encode(version: .v3_1_1).withUnsafeBytes { shard.received(handle, $0, now: 1) }
    shard.endOfTurn(now: 1)
}

let arguments = CommandLine.arguments
guard arguments.count == 4, let messages = Int(arguments[2]), messages > 0 else {
    fail("usage: hook-bench none|unrelated|allow|allow2|cached|untraced|unsampled MESSAGES PLUGIN", code: 64)
}
guard let image = dlopen(arguments[3], RTLD_NOW) else { fail("cannot open \(arguments[3])", code: 66) }
let handle = UnsafeMutablePointer<hl_self>.allocate(capacity: 1)
handle.initialize(to: hl_self())
let instance = HookInstance(
    number: 1, name: "bench", generation: 1, handle: handle, state: nil, onCancel: nil, submit: { _ in false },
    eventsReady: {})
let broker = Broker(
    settings: BrokerSettings(), listeners: [ListenerSettings(name: "tcp", allowAnonymous: true)], shardCount: 1,
    seed: 1)
let shard = broker.shards[0]
let sink = Sink()
shard.attach(sink)
shard.install(BenchPlugin(image: image, instance: instance).table(arguments[1]))
// Tracing that has ended leaves nothing behind; tracing that is on and records nothing looks at each message.
let tracing = TraceSettings(ratio: 0, clock: { 0 }, take: { _ in })
if ["untraced", "unsampled"].contains(arguments[1]) { shard.setTracing(tracing) }
if arguments[1] == "untraced" { shard.setTracing(nil) }
let publisher = shard.opened(transport: 1, listener: 0, peer: "p", now: 1)
let subscriber = shard.opened(transport: 2, listener: 0, peer: "s", now: 1)
send(.connect(Connect(version: .v3_1_1, clientID: Array("p".utf8))), to: shard, publisher)
send(.connect(Connect(version: .v3_1_1, clientID: Array("s".utf8))), to: shard, subscriber)
let topic = Array("bench/pair/1".utf8)
send(.subscribe(Subscribe(packetID: 1, subscriptions: [.init(filter: topic)])), to: shard, subscriber)

// A read of 256 packets at a time, as a pipelining client gives.
let packet = Packet.publish(
    Publish(topic: topic, payload: [UInt8](repeating: 0x78, count: 64), qos: 0)
).encode(version: .v3_1_1)
let batch = 256
let bytes = (0..<batch).flatMap { _ in packet }
sink.written = 0
for _ in 0..<(messages / batch) {
    bytes.withUnsafeBytes { shard.received(publisher, $0, now: 1) }
    shard.endOfTurn(now: 1)
}
let expected = (messages / batch) * batch * packet.count
guard sink.written == expected else {
    fail("delivered \(sink.written) bytes instead of \(expected)", code: 1)
}
withExtendedLifetime(broker) {}
