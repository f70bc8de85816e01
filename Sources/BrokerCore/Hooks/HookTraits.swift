import PluginABI

/// What is fixed about a hook: hooks.h in a form that the host and the dispatcher can ask.
public struct HookTraits: Sendable {
    /// Whether a call may be answered later.
    public enum Pending: Sendable {
        case never
        /// With HL_INTEREST_MAY_PEND: the input of every call is copied for it.
        case ifAsked
        /// Rare enough that copying every input does no harm.
        case always
    }

    /// Such as `acl.publish`; for logs and metrics.
    public let name: StaticString
    /// Whether a call may be answered later.
    public let pending: Pending
    /// Whether an interest may name topic filters.
    public let takesFilters: Bool
    /// Whether this version calls it.
    public let isOffered: Bool
    /// Nanoseconds an answer may take by default.
    let allowance: Int64
    /// What an error or a missed deadline counts as: HL_DENY, or HL_ABSTAIN to go on.
    let failure: UInt32
    /// HL_ANSWER_*: what can be said beside the verdict.
    let fields: UInt32

    /// Nil for an id that is in no registry.
    public static func of(_ hook: UInt32) -> HookTraits? {
        hook < HL_HOOK_ID_LIMIT ? table[Int(hook)] : nil
    }

    /// The hook of a name such as `acl.publish`; nil: there is none.
    public static func id(named name: String) -> UInt32? {
        table.firstIndex { $0?.name.description == name }.map { UInt32($0) }
    }

    /// Names of all hooks that decide something.
    public static var decidingNames: [String] { table[..<64].compactMap { $0?.name.description } }

    /// Whether plugins.yaml may say what an allow of one plugin means. An exchange belongs to one plugin, and so do the
    /// hooks of TLS; the others have no allow that ends anything.
    public static func hasChoiceOfChain(_ hook: UInt32) -> Bool {
        [HL_HOOK_AUTH_CONNECT, HL_HOOK_ACL_SUBSCRIBE, HL_HOOK_ACL_PUBLISH, HL_HOOK_ACL_DELIVER].contains(hook)
    }

    private static let table: [HookTraits?] = {
        var table = [HookTraits?](repeating: nil, count: Int(HL_HOOK_ID_LIMIT))
        for (hook, traits) in connection + access + message + notifications { table[Int(hook)] = traits }
        return table
    }()

    private static func deciding(
        _ name: StaticString, _ pending: Pending, milliseconds: Double, failure: UInt32 = HL_DENY,
        filters: Bool = true, _ fields: UInt32
    ) -> HookTraits {
        HookTraits(
            name: name, pending: pending, takesFilters: filters, isOffered: true,
            allowance: Int64(milliseconds * 1_000_000), failure: failure, fields: fields | HL_ANSWER_RULE)
    }

    private static let limits = HL_ANSWER_SESSION_EXPIRY | HL_ANSWER_RECEIVE_MAX | HL_ANSWER_KEEP_ALIVE

    /// What a client that is let in may be given.
    private static let grants = HL_ANSWER_IDENTITY | HL_ANSWER_EXPIRES_AT | HL_ANSWER_MOUNT_POINT | limits

    private static let connection: [(UInt32, HookTraits)] = [
        (
            HL_HOOK_CONN_ACCEPT,
            deciding("conn.accept", .never, milliseconds: 1, filters: false, 0)
        ),
        (HL_HOOK_TLS_PSK, deciding("tls.psk", .never, milliseconds: 1, filters: false, HL_ANSWER_DATA)),
        (
            HL_HOOK_TLS_PEER,
            deciding("tls.peer", .always, milliseconds: 5000, filters: false, HL_ANSWER_IDENTITY)
        ),
        (
            HL_HOOK_AUTH_CONNECT,
            deciding(
                "auth.connect", .always, milliseconds: 5000, filters: false, HL_ANSWER_REASON | grants)
        ),
        (
            HL_HOOK_AUTH_EXCHANGE,
            deciding(
                "auth.exchange", .always, milliseconds: 10_000, filters: false,
                HL_ANSWER_REASON | grants | HL_ANSWER_DATA | HL_ANSWER_MEMO)
        ),
        (
            HL_HOOK_SESSION_OPEN,
            deciding(
                "session.open", .always, milliseconds: 2000, filters: false, HL_ANSWER_REASON | limits)
        ),
    ]

    private static let access: [(UInt32, HookTraits)] = [
        (
            HL_HOOK_ACL_SUBSCRIBE,
            deciding(
                "acl.subscribe", .always, milliseconds: 2000, filters: false,
                HL_ANSWER_REASON | HL_ANSWER_CACHE | HL_ANSWER_QOS | HL_ANSWER_TOPIC)
        ),
        (
            HL_HOOK_ACL_PUBLISH,
            deciding(
                "acl.publish", .ifAsked, milliseconds: 1000,
                HL_ANSWER_REASON | HL_ANSWER_CACHE | HL_ANSWER_DISCONNECT)
        ),
        (HL_HOOK_ACL_DELIVER, deciding("acl.deliver", .never, milliseconds: 0.02, HL_ANSWER_CACHE)),
    ]

    private static let edits =
        HL_ANSWER_TOPIC | HL_ANSWER_PAYLOAD | HL_ANSWER_PROPERTIES | HL_ANSWER_RETAIN | HL_ANSWER_EXPIRY

    private static let retainedEdits = HL_ANSWER_PAYLOAD | HL_ANSWER_PROPERTIES | HL_ANSWER_EXPIRY

    private static let message: [(UInt32, HookTraits)] = [
        (
            HL_HOOK_MSG_IN,
            deciding("msg.in", .ifAsked, milliseconds: 1000, HL_ANSWER_REASON | HL_ANSWER_DISCONNECT | edits)
        ),
        (HL_HOOK_MSG_STORE, deciding("msg.store", .always, milliseconds: 5000, 0)),
        (
            HL_HOOK_MSG_ROUTE,
            deciding("msg.route", .never, milliseconds: 0.05, failure: HL_ABSTAIN, HL_ANSWER_TARGETS)
        ),
        (
            HL_HOOK_MSG_OUT,
            deciding(
                "msg.out", .never, milliseconds: 0.05, failure: HL_ABSTAIN, edits | HL_ANSWER_QOS)
        ),
        (HL_HOOK_WILL_PUBLISH, deciding("will.publish", .never, milliseconds: 1, edits)),
        (HL_HOOK_RETAIN_SET, deciding("retain.set", .never, milliseconds: 1, retainedEdits)),
        (HL_HOOK_RETAIN_GET, deciding("retain.get", .never, milliseconds: 1, HL_ANSWER_PAYLOAD | HL_ANSWER_PROPERTIES)),
    ]

    private static func notification(_ name: StaticString) -> HookTraits {
        HookTraits(
            name: name, pending: .never, takesFilters: true, isOffered: true, allowance: .max, failure: HL_ABSTAIN,
            fields: 0)
    }

    private static let notifications: [(UInt32, HookTraits)] = [
        (HL_HOOK_NOTIFY_CONNECTED, notification("notify.connected")),
        (HL_HOOK_NOTIFY_DISCONNECTED, notification("notify.disconnected")),
        (HL_HOOK_NOTIFY_OFFLINE, notification("notify.offline")),
        (HL_HOOK_NOTIFY_EXPIRED, notification("notify.expired")),
        (HL_HOOK_NOTIFY_TAKEN_OVER, notification("notify.taken_over")),
        (HL_HOOK_NOTIFY_SUBSCRIBED, notification("notify.subscribed")),
        (HL_HOOK_NOTIFY_UNSUBSCRIBED, notification("notify.unsubscribed")),
        (HL_HOOK_NOTIFY_PUBLISHED, notification("notify.published")),
        (HL_HOOK_NOTIFY_ACKED, notification("notify.acked")),
        (HL_HOOK_NOTIFY_DELIVERED, notification("notify.delivered")),
        (HL_HOOK_NOTIFY_DROPPED, notification("notify.dropped")),
        (HL_HOOK_NOTIFY_STATS, notification("notify.stats")),
    ]
}
