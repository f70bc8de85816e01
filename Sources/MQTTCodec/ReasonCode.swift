/// A Reason Code of MQTT 5.0 (section 2.4): one byte, below 0x80 for success. Three names share the value 0x00; which
/// one applies depends on the packet, see ``name(in:)``.
public struct ReasonCode: RawRepresentable, Hashable, Sendable {
    /// The byte on the wire.
    public let rawValue: UInt8

    /// Any byte is accepted; ``isAllowed(in:from:)`` says whether it may appear in a packet.
    @inlinable
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Whether the code reports a failure: 0x80 and above.
    @inlinable
    public var isError: Bool { rawValue >= 0x80 }

    /// 0x00 in CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP, UNSUBACK and AUTH.
    @inlinable public static var success: ReasonCode { ReasonCode(rawValue: 0x00) }
    /// 0x00 in DISCONNECT: the Will Message is discarded.
    public static let normalDisconnection = ReasonCode(rawValue: 0x00)
    /// 0x00 in SUBACK.
    public static let grantedQoS0 = ReasonCode(rawValue: 0x00)
    /// 0x01 in SUBACK.
    public static let grantedQoS1 = ReasonCode(rawValue: 0x01)
    /// 0x02 in SUBACK.
    public static let grantedQoS2 = ReasonCode(rawValue: 0x02)
    /// 0x04, Client to Server: disconnect, and publish the Will Message.
    public static let disconnectWithWill = ReasonCode(rawValue: 0x04)
    /// 0x10 in PUBACK and PUBREC.
    public static let noMatchingSubscribers = ReasonCode(rawValue: 0x10)
    /// 0x11 in UNSUBACK.
    public static let noSubscriptionExisted = ReasonCode(rawValue: 0x11)
    /// 0x18 in AUTH.
    public static let continueAuthentication = ReasonCode(rawValue: 0x18)
    /// 0x19 in AUTH, Client to Server.
    public static let reAuthenticate = ReasonCode(rawValue: 0x19)
    /// 0x80.
    public static let unspecifiedError = ReasonCode(rawValue: 0x80)
    /// 0x81: the packet cannot be parsed.
    public static let malformedPacket = ReasonCode(rawValue: 0x81)
    /// 0x82: the packet can be parsed and breaks a rule of the protocol.
    public static let protocolError = ReasonCode(rawValue: 0x82)
    /// 0x83.
    public static let implementationSpecificError = ReasonCode(rawValue: 0x83)
    /// 0x84 in CONNACK.
    public static let unsupportedProtocolVersion = ReasonCode(rawValue: 0x84)
    /// 0x85 in CONNACK.
    public static let clientIdentifierNotValid = ReasonCode(rawValue: 0x85)
    /// 0x86 in CONNACK.
    public static let badUserNameOrPassword = ReasonCode(rawValue: 0x86)
    /// 0x87.
    public static let notAuthorized = ReasonCode(rawValue: 0x87)
    /// 0x88 in CONNACK.
    public static let serverUnavailable = ReasonCode(rawValue: 0x88)
    /// 0x89.
    public static let serverBusy = ReasonCode(rawValue: 0x89)
    /// 0x8A in CONNACK.
    public static let banned = ReasonCode(rawValue: 0x8A)
    /// 0x8B in DISCONNECT.
    public static let serverShuttingDown = ReasonCode(rawValue: 0x8B)
    /// 0x8C.
    public static let badAuthenticationMethod = ReasonCode(rawValue: 0x8C)
    /// 0x8D in DISCONNECT.
    public static let keepAliveTimeout = ReasonCode(rawValue: 0x8D)
    /// 0x8E in DISCONNECT.
    public static let sessionTakenOver = ReasonCode(rawValue: 0x8E)
    /// 0x8F: well formed, not accepted.
    public static let topicFilterInvalid = ReasonCode(rawValue: 0x8F)
    /// 0x90: well formed, not accepted.
    public static let topicNameInvalid = ReasonCode(rawValue: 0x90)
    /// 0x91.
    public static let packetIdentifierInUse = ReasonCode(rawValue: 0x91)
    /// 0x92 in PUBREL and PUBCOMP.
    public static let packetIdentifierNotFound = ReasonCode(rawValue: 0x92)
    /// 0x93 in DISCONNECT.
    public static let receiveMaximumExceeded = ReasonCode(rawValue: 0x93)
    /// 0x94 in DISCONNECT.
    public static let topicAliasInvalid = ReasonCode(rawValue: 0x94)
    /// 0x95: larger than the receiver's Maximum Packet Size.
    public static let packetTooLarge = ReasonCode(rawValue: 0x95)
    /// 0x96 in DISCONNECT.
    public static let messageRateTooHigh = ReasonCode(rawValue: 0x96)
    /// 0x97.
    public static let quotaExceeded = ReasonCode(rawValue: 0x97)
    /// 0x98 in DISCONNECT.
    public static let administrativeAction = ReasonCode(rawValue: 0x98)
    /// 0x99: the payload does not match its Payload Format Indicator.
    public static let payloadFormatInvalid = ReasonCode(rawValue: 0x99)
    /// 0x9A.
    public static let retainNotSupported = ReasonCode(rawValue: 0x9A)
    /// 0x9B.
    public static let qosNotSupported = ReasonCode(rawValue: 0x9B)
    /// 0x9C: use another server for now.
    public static let useAnotherServer = ReasonCode(rawValue: 0x9C)
    /// 0x9D: use another server from now on.
    public static let serverMoved = ReasonCode(rawValue: 0x9D)
    /// 0x9E.
    public static let sharedSubscriptionsNotSupported = ReasonCode(rawValue: 0x9E)
    /// 0x9F.
    public static let connectionRateExceeded = ReasonCode(rawValue: 0x9F)
    /// 0xA0 in DISCONNECT.
    public static let maximumConnectTime = ReasonCode(rawValue: 0xA0)
    /// 0xA1.
    public static let subscriptionIdentifiersNotSupported = ReasonCode(rawValue: 0xA1)
    /// 0xA2.
    public static let wildcardSubscriptionsNotSupported = ReasonCode(rawValue: 0xA2)
}
