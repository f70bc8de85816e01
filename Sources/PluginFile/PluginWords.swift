import PluginABI

/// Numbers of the plugin interface in the words of registry.json, for people.
public enum PluginWords {
    /// `auth.connect` for `HL_HOOK_AUTH_CONNECT`; `hook 99` for one that is in no registry.
    public static func hook(_ id: UInt32) -> String {
        let index = Int(id)
        if index >= 1, index <= deciding.count { return deciding[index - 1] }
        if index >= 64, index - 64 < notifying.count { return "notify." + notifying[index - 64] }
        return "hook \(id)"
    }

    /// In the order of their ids, from 1.
    private static let deciding = [
        "conn.accept", "tls.psk", "tls.peer", "auth.connect", "auth.exchange", "session.open", "acl.subscribe",
        "acl.publish", "acl.deliver", "msg.in", "msg.store", "msg.route", "msg.out", "will.publish", "retain.set",
        "retain.get",
    ]

    /// In the order of their ids, from 64.
    private static let notifying = [
        "connected", "disconnected", "offline", "expired", "taken_over", "subscribed", "unsubscribed", "published",
        "acked", "delivered", "dropped", "stats",
    ]

    /// The flags of a description, such as `free, multi_instance`.
    public static func flags(_ flags: UInt32) -> [String] {
        let names: [(UInt32, String)] = [
            (HL_FREE, "free"), (HL_PER_SHARD, "per_shard"), (HL_SERIAL, "serial"), (HL_BLOCKING, "blocking"),
            (HL_NEEDS_PROCESS_ISOLATION, "needs_process_isolation"), (HL_MULTI_INSTANCE, "multi_instance"),
            (HL_HANDOVER, "handover"), (HL_DETERMINISTIC, "deterministic"), (HL_RUNTIME_SWIFT, "runtime_swift"),
            (HL_RUNTIME_GO, "runtime_go"), (HL_RUNTIME_OTHER, "runtime_other"),
        ]
        var words = names.filter { flags & $0.0 != 0 }.map(\.1)
        let unknown = flags & ~names.reduce(0) { $0 | $1.0 }
        if unknown != 0 { words.append("0x" + String(unknown, radix: 16)) }
        return words
    }
}
