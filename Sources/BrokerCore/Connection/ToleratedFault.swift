import MQTTCodec

/// What a lenient listener forgives: faults that clients in the field are known for, and that harm nobody else. A
/// strict listener ends the connection for each, as the specification asks.
public enum ToleratedFault: UInt8, Sendable, CaseIterable {
    /// More QoS 2 messages are open than the broker's Receive Maximum allows: they are taken all the same.
    case receiveMaximumExceeded
    /// Reserved flags of a fixed header are wrong, CONNECT apart; MQTT 3.1 had DUP and QoS there. They are ignored.
    case reservedFlags
    /// DUP on a message with QoS 0: it counts as not set.
    case duplicateFlagOnQoS0
    /// Will QoS or Will Retain without the Will Flag: there is no will.
    case willFlagsWithoutWill
    /// A 3.1.1 password without a user name: the user name counts as empty.
    case passwordWithoutUserName
    /// A 3.1.1 client without an identifier that asks for a lasting session: it gets an identifier and a clean session.
    case noClientIdentifier
    /// A Topic Filter of no bytes: refused alone, the others of the packet are taken.
    case emptyTopicFilter
    /// A Session Expiry Interval raised from 0 in DISCONNECT: the session ends as agreed in CONNECT.
    case sessionExpiryRaised

    /// Such as `reserved_flags`.
    public var word: String {
        switch self {
        case .receiveMaximumExceeded: "receive_maximum_exceeded"
        case .reservedFlags: "reserved_flags"
        case .duplicateFlagOnQoS0: "duplicate_flag_on_qos0"
        case .willFlagsWithoutWill: "will_flags_without_will"
        case .passwordWithoutUserName: "password_without_user_name"
        case .noClientIdentifier: "no_client_identifier"
        case .emptyTopicFilter: "empty_topic_filter"
        case .sessionExpiryRaised: "session_expiry_raised"
        }
    }

    /// The fault that `error` is an instance of; nil when no listener forgives it.
    init?(_ error: DecodeError) {
        switch error.kind {
        case .reservedFlags where error.packet != .connect: self = .reservedFlags
        case .duplicateFlagOnQoS0: self = .duplicateFlagOnQoS0
        case .willQoSWithoutWill, .willRetainWithoutWill: self = .willFlagsWithoutWill
        case .passwordWithoutUserName: self = .passwordWithoutUserName
        case .emptyTopicFilter: self = .emptyTopicFilter
        default: return nil
        }
    }
}

/// A set of ``ToleratedFault``.
struct ToleratedFaults: OptionSet {
    let rawValue: UInt8

    init(rawValue: UInt8) { self.rawValue = rawValue }

    init(_ fault: ToleratedFault) { rawValue = 1 << fault.rawValue }
}
