public import PluginABI
internal import PluginSDK
internal import Synchronization

/// The counterpart of acl.c in Swift: an access rule that allows and counts, and hands over what it has counted.
///
/// @unchecked Sendable: what changes are two atomics.
final class Counter: Plugin, @unchecked Sendable {
    private let asked = Atomic<UInt64>(0)
    /// Of those, what the next generation has been given. Touched by hand-overs alone.
    private let given = Atomic<UInt64>(0)

    override class var description: PluginDescription {
        var description = PluginDescription(
            id: "bench.counter", version: "1", hooks: [.aclPublish, .aclSubscribe],
            requiredServices: ["log/1", "state/1"])
        description.handsOverState = true
        return description
    }

    override func start() throws(PluginFailure) {
        host.offerState(schema: 1) { [self] writer in give(writer) }
        host.acceptState { [self] reader in take(reader) }
        try host.register(.aclSubscribe)
        try host.register(.aclPublish)
    }

    /// Bulk: all so far; delta: what came since.
    private func give(_ writer: borrowing StateWriter) -> Bool {
        let all = asked.load(ordering: .relaxed)
        let part = writer.isBulk ? all : all - given.load(ordering: .relaxed)
        given.store(all, ordering: .relaxed)
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: part >> (8 * UInt64($0))) }
        return writer.write(bytes.span)
    }

    private func take(_ reader: borrowing StateReader) -> StateAcceptance {
        guard reader.schema == 1 else { return .cold }
        while let chunk = reader.next() {
            guard chunk.count == 8 else { return .cold }
            let part = chunk.enumerated().reduce(UInt64(0)) { $0 | UInt64($1.element) << (8 * UInt64($1.offset)) }
            asked.add(part, ordering: .relaxed)
        }
        return .taken
    }

    override func aclPublish(_ call: borrowing PublishCall) -> AccessVerdict {
        asked.add(1, ordering: .relaxed)
        return .allow
    }

    override func aclSubscribe(_ call: borrowing SubscribeCall) -> AccessVerdict { .allow }

    override func stop() {
        host.log(.info, "bench.counted", "\(asked.load(ordering: .relaxed)) in Swift")
    }
}

private let export = PluginExport(Counter.self) { Counter.start($0, $1, $2) }

/// What the host looks up in the shared object.
@c(hl_plugin_entry_v1)
public func entry(_ probe: UnsafePointer<hl_host_probe>?) -> UnsafePointer<hl_plugin_desc>? {
    export.description(for: probe)
}
