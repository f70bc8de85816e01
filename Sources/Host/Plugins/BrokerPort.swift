public import Configuration
public import BrokerCore

/// A message a plugin publishes.
public struct PluginPublication: Sendable {
    /// A valid topic name, UTF-8.
    public var topic: [UInt8]
    /// The payload.
    public var payload: [UInt8]
    /// Forwardable MQTT 5 properties in wire form, without the length in front.
    public var properties: [UInt8]
    /// 0...2
    public var qos: UInt8
    /// As retained message.
    public var retain: Bool
    /// Seconds; 0 = never.
    public var expiry: UInt32
    /// Which instance publishes (`hl_msg.instance`); 0 when its own hooks are to see the message too.
    public var instance: UInt64
    /// How many publishes of plugins led to this one (`hl_msg.hops`); at least 1.
    public var hops: UInt32
    /// Client Identifier of the client in whose name it is published; empty: nobody's.
    public var asClient: [UInt8] = []
    /// Told once what became of it; not when it was not taken. [any thread]
    public var done: (@Sendable (InjectionReport) -> Void)?
    /// The report says how many received it, and comes when that is known and durable.
    public var wantsCounts = false
}

/// What an operator can ask of the broker.
public enum AdministrationRequest: Sendable, Equatable {
    /// What `hookline status --json` shows.
    case status
    /// Read the configuration again; of one plugin, or all of it.
    case reload(String?)
    /// A command of the control socket.
    case command(ControlRequest)
}

/// What the broker says to an ``AdministrationRequest``.
public enum AdministrationAnswer: Sendable, Equatable {
    /// A JSON object.
    case done(String)
    /// Why nothing was done, in words, and what kind of reason that is.
    case refused(String, ControlAnswer.Kind)

    /// What the control socket would have said.
    public init(_ answer: ControlAnswer) {
        self =
            answer.isOK
            ? .done(JSONText.object(answer.members).rendered)
            : .refused(answer.error ?? "refused", answer.kind ?? .unavailable)
    }
}

/// What plugins may ask of the broker. Every closure may be called on any thread, returns at once and takes effect on
/// the event loop concerned.
public struct BrokerPort: Sendable {
    /// Queues a message; false when the queue is full.
    public var publish: @Sendable (PluginPublication) -> Bool
    /// Forgets the cached verdicts about one connection, or with 0 about all.
    public var revokeVerdicts: @Sendable (_ connection: UInt64) -> Void
    /// The same, and asks acl.subscribe about each live subscription again.
    public var recheckSubscriptions: @Sendable (_ connection: UInt64) -> Void
    /// Disconnects with an MQTT reason code.
    public var kick: @Sendable (_ connection: UInt64, _ reasonCode: UInt8) -> Void
    /// Disconnects whoever is connected with this client id.
    public var kickClientID: @Sendable (_ clientID: [UInt8], _ reasonCode: UInt8) -> Void
    /// The broker itself, for what is asked about its sessions; nil: nobody can be asked.
    public var broker: Broker?
    /// Asks something of the operator's side; false when nobody is there to answer.
    public var administer:
        @Sendable (AdministrationRequest, @escaping @Sendable (AdministrationAnswer) -> Void) -> Bool = { _, _ in false
        }

    /// Opens an MQTT connection from inside the process, on behalf of an address, by the rules of a listener.
    public var connect: @Sendable (_ listener: String, _ address: String) -> ConnectionOpening = { _, _ in .unavailable
    }

    /// A port made of its functions.
    public init(
        publish: @escaping @Sendable (PluginPublication) -> Bool,
        revokeVerdicts: @escaping @Sendable (_ connection: UInt64) -> Void,
        recheckSubscriptions: @escaping @Sendable (_ connection: UInt64) -> Void,
        kick: @escaping @Sendable (_ connection: UInt64, _ reasonCode: UInt8) -> Void,
        kickClientID: @escaping @Sendable (_ clientID: [UInt8], _ reasonCode: UInt8) -> Void
    ) {
        self.publish = publish
        self.revokeVerdicts = revokeVerdicts
        self.recheckSubscriptions = recheckSubscriptions
        self.kick = kick
        self.kickClientID = kickClientID
    }
}
