import PluginABI
import PluginSDK
import Synchronization

/// Counts the messages of a filter and publishes the count; asks a slow directory about everybody with a user name.
final class Hello: Plugin {
    private let filter: String
    private let reply: String
    private let seen = Atomic<Int>(0)

    override class var description: PluginDescription {
        PluginDescription(
            id: "org.example.hello", version: "1.0.0",
            settings: [
                Setting("filter", .filter, default: "hello/#", help: "what to count"),
                Setting("reply", .topic, default: "hello/count", help: "where the count goes"),
            ],
            hooks: [.messageIn, .authConnect])
    }

    required init(host: PluginHost, configuration: Configuration) throws(PluginFailure) {
        filter = configuration["filter"].text
        reply = configuration["reply"].text
        try super.init(host: host, configuration: configuration)
    }

    override func start() throws(PluginFailure) {
        try host.register(.messageIn, Interest(filters: [filter]))
        try host.register(.authConnect)
    }

    override func messageIn(_ call: borrowing MessageCall) -> MessageVerdict {
        let count = seen.add(1, ordering: .relaxed).newValue
        host.publish(reply, "\(count)", retain: true, inAnswerTo: call)  // Does not come back to us.
        return .pass
    }

    override func authConnect(_ call: borrowing ConnectCall) -> AccessVerdict {
        call.userName.isEmpty ? .abstain : call.deferToWorker()
    }

    override func authConnectDeferred(_ call: borrowing ConnectCall) -> AccessVerdict {
        directoryAllows(call.userName, call.password) ? .allow : .deny
    }

    /// Yours; may take seconds. Nothing was copied: the host wipes the password after the answer.
    private func directoryAllows(_ user: Span<UInt8>, _ password: Span<UInt8>) -> Bool {
        !password.isEmpty
    }
}

private let export = PluginExport(Hello.self) { Hello.start($0, $1, $2) }

/// What the host looks up in the shared object.
@c(hl_plugin_entry_v1)
public func entry(_ probe: UnsafePointer<hl_host_probe>?) -> UnsafePointer<hl_plugin_desc>? {
    export.description(for: probe)
}
