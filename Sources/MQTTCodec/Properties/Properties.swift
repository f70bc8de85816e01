/// A User Property: a name and a value that MQTT carries and does not interpret. Both are UTF-8, 65,535 bytes at most.
public struct UserProperty: Hashable, Sendable {
    /// The name; the same one may appear more than once.
    public var name: [UInt8]
    /// The value.
    public var value: [UInt8]

    /// A pair from UTF-8 bytes.
    public init(name: [UInt8], value: [UInt8]) {
        self.name = name
        self.value = value
    }

    /// A pair from text.
    public init(_ name: String, _ value: String) {
        self.init(name: Array(name.utf8), value: Array(value.utf8))
    }
}

/// The properties of one packet or Will (section 2.2.2). nil: the property is absent; the defaults of the specification
/// are applied by whoever uses the value. MQTT 3.1.1 has none.
///
/// Text is UTF-8 bytes. When encoding, a property that the packet may not carry is left out; strings and binary data
/// hold 65,535 bytes at most.
public struct Properties: Hashable, Sendable {
    /// 1 when the payload is UTF-8 text, else 0.
    public var payloadFormatIndicator: UInt8?
    /// Lifetime of the message in seconds.
    public var messageExpiryInterval: UInt32?
    /// What the payload is, such as a MIME type.
    public var contentType: [UInt8]?
    /// Topic Name for a response, without wildcards.
    public var responseTopic: [UInt8]?
    /// Ties a response to its request.
    public var correlationData: [UInt8]?
    /// 1 to 268,435,455; SUBSCRIBE has one at most, a PUBLISH of a Server any number.
    public var subscriptionIdentifiers: [UInt32] = []
    /// Seconds; 0xFFFFFFFF means for ever.
    public var sessionExpiryInterval: UInt32?
    /// The Client Identifier the Server chose.
    public var assignedClientIdentifier: [UInt8]?
    /// Seconds; 0 means no limit.
    public var serverKeepAlive: UInt16?
    /// Name of the method of extended authentication.
    public var authenticationMethod: [UInt8]?
    /// Data of extended authentication; needs the method.
    public var authenticationData: [UInt8]?
    /// 0 or 1; absent means 1.
    public var requestProblemInformation: UInt8?
    /// Seconds; absent means 0.
    public var willDelayInterval: UInt32?
    /// 0 or 1; absent means 0.
    public var requestResponseInformation: UInt8?
    /// Basis for Response Topics.
    public var responseInformation: [UInt8]?
    /// Another Server to use.
    public var serverReference: [UInt8]?
    /// Text for people.
    public var reasonString: [UInt8]?
    /// 1 to 65,535; absent means 65,535.
    public var receiveMaximum: UInt16?
    /// Absent means 0: no aliases.
    public var topicAliasMaximum: UInt16?
    /// 1 to 65,535.
    public var topicAlias: UInt16?
    /// 0 or 1; absent means 2.
    public var maximumQoS: UInt8?
    /// 0 or 1; absent means 1.
    public var retainAvailable: UInt8?
    /// In the order they were sent [MQTT-3.3.2-18].
    public var userProperties: [UserProperty] = []
    /// Bytes, 1 or more; absent means no limit beyond the protocol's.
    public var maximumPacketSize: UInt32?
    /// 0 or 1; absent means 1.
    public var wildcardSubscriptionAvailable: UInt8?
    /// 0 or 1; absent means 1.
    public var subscriptionIdentifierAvailable: UInt8?
    /// 0 or 1; absent means 1.
    public var sharedSubscriptionAvailable: UInt8?

    /// No properties.
    public init() {}

    /// No properties but those that `configure` sets.
    public init(_ configure: (inout Properties) -> Void) {
        configure(&self)
    }

    /// The Reason String as text.
    public var reasonText: String? { reasonString.map { String(decoding: $0, as: UTF8.self) } }

    /// Whether no property is set.
    public var isEmpty: Bool { self == Properties() }
}
