internal import PluginABI

/// What `authConnect`, `aclSubscribe`, `aclPublish` and `aclDeliver` answer. The host runs the chain: the first deny
/// ends it and is final; when every plugin abstains, the configured default holds.
public struct AccessVerdict: Equatable, Sendable {
    let raw: UInt32

    /// No opinion: the next plugin decides.
    public static let abstain = AccessVerdict(raw: HL_ABSTAIN)
    /// Yes, as far as this plugin is concerned.
    public static let allow = AccessVerdict(raw: HL_ALLOW)
    /// No. Nothing later in the chain can turn it over.
    public static let deny = AccessVerdict(raw: HL_DENY)
    /// The hook failed: the host uses its failure verdict (deny) and counts it.
    public static let error = AccessVerdict(raw: HL_ERROR)

    /// The answer comes through `call`.
    public static func pending(_ call: PendingCall) -> AccessVerdict { AccessVerdict(raw: HL_PENDING) }
}

/// What `messageIn` answers.
public struct MessageVerdict: Equatable, Sendable {
    let raw: UInt32

    /// Go on with the message as it is.
    public static let pass = MessageVerdict(raw: HL_ABSTAIN)
    /// Go on with the edits made through the call.
    public static let replace = MessageVerdict(raw: HL_REPLACE)
    /// Acknowledge the message and deliver it to nobody.
    public static let drop = MessageVerdict(raw: HL_DROP)
    /// Refuse the message.
    public static let reject = MessageVerdict(raw: HL_DENY)
    /// The hook failed: the host refuses the message and counts it.
    public static let error = MessageVerdict(raw: HL_ERROR)

    /// The answer comes through `call`.
    public static func pending(_ call: PendingCall) -> MessageVerdict { MessageVerdict(raw: HL_PENDING) }
}

/// How far the host may reuse a verdict of an acl hook without asking again. It forgets all of them when a plugin is
/// swapped and when `PluginHost.revokeVerdicts` or `recheckSubscriptions` asks it to.
public enum VerdictScope: UInt32, Sendable {
    case none = 0
    /// This connection and this topic.
    case clientAndTopic = 1
    /// This connection and this filter.
    case clientAndFilter = 2
    /// This connection, whatever the topic.
    case client = 3
}

/// Reason codes of MQTT 5.0 (table 2-6) for refusals; the host translates them for 3.1.1.
public struct ReasonCode: RawRepresentable, Equatable, Sendable {
    /// The code on the wire, 0x80 and above.
    public let rawValue: UInt8

    /// A code by its number.
    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// 0x80
    public static let unspecifiedError = ReasonCode(rawValue: 0x80)
    /// 0x83
    public static let implementationSpecificError = ReasonCode(rawValue: 0x83)
    /// 0x86
    public static let badUserNameOrPassword = ReasonCode(rawValue: 0x86)
    /// 0x87
    public static let notAuthorized = ReasonCode(rawValue: 0x87)
    /// 0x88
    public static let serverUnavailable = ReasonCode(rawValue: 0x88)
    /// 0x97
    public static let quotaExceeded = ReasonCode(rawValue: 0x97)
    /// 0x98
    public static let administrativeAction = ReasonCode(rawValue: 0x98)
}
