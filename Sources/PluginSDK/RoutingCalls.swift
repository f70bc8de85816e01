internal import PluginABI

/// `messageRoute`: who gets a message beside, or in spite of, the subscriptions.
public struct RouteCall: HookCall, ~Escapable {
    /// See `HookCall`.
    public let context: CallContext
    private let raw: UnsafePointer<hl_msg>

    @_lifetime(borrow call, borrow raw)
    init(call: UnsafeMutablePointer<hl_call>, _ raw: UnsafePointer<hl_msg>) {
        self.context = _overrideLifetime(CallContext(call), borrowing: call)
        self.raw = raw
    }

    /// The message.
    public var message: Message {
        @_lifetime(copy self) get { _overrideLifetime(Message(raw), copying: self) }
    }

    /// The session of this client gets the message at this QoS at most, subscribed or not.
    public func add(_ clientID: String, qos: Int) {
        let call = context.raw
        withView(clientID) { _ = call.pointee.api?.pointee.add_target?(call, $0, UInt32(clamping: qos)) }
    }

    /// The session of this client does not get the message.
    public func remove(_ clientID: String) {
        let call = context.raw
        withView(clientID) { _ = call.pointee.api?.pointee.remove_target?(call, $0) }
    }
}

/// What `messageRoute` answers.
public struct RouteVerdict: Equatable, Sendable {
    let raw: UInt32

    /// The subscriptions decide.
    public static let pass = RouteVerdict(raw: HL_ABSTAIN)
    /// The subscriptions, with the changes of this call.
    public static let route = RouteVerdict(raw: HL_ALLOW)
    /// Nobody gets it.
    public static let drop = RouteVerdict(raw: HL_DROP)
    /// The hook failed: the host goes on and counts it.
    public static let error = RouteVerdict(raw: HL_ERROR)
}

/// `messageOut`: a message on its way to clients that are online and may have it.
public struct OutgoingCall: BatchCall, ~Escapable {
    /// See `HookCall`.
    public let context: CallContext
    /// See `BatchCall`.
    public let batch: DeliveryBatch

    @_lifetime(borrow call, borrow raw)
    init(call: UnsafeMutablePointer<hl_call>, _ raw: UnsafePointer<hl_delivery>) {
        self.context = _overrideLifetime(CallContext(call), borrowing: call)
        self.batch = _overrideLifetime(DeliveryBatch(raw), borrowing: call)
    }

    /// Edits from here on are for this receiver alone; `nil`: for all.
    public func select(_ index: Int?) {
        let call = context.raw
        _ = call.pointee.api?.pointee.select?(call, index.map { UInt32(clamping: $0) } ?? HL_ALL_RECEIVERS)
    }

    /// Copied by the host.
    public func setPayload(_ payload: Span<UInt8>) {
        let call = context.raw
        withView(payload) { _ = call.pointee.api?.pointee.set_payload?(call, $0) }
    }

    /// The host checks and authorises the new topic for the receiver.
    public func setTopic(_ topic: String) {
        let call = context.raw
        withView(topic) { _ = call.pointee.api?.pointee.set_topic?(call, $0) }
    }

    /// Sends at this QoS at most.
    public func lower(qos: Int) {
        _ = context.raw.pointee.api?.pointee.set_qos?(context.raw, UInt32(clamping: qos))
    }
}

/// `retainGet`: a retained message on its way to a new subscription.
public struct RetainedCall: HookCall, ~Escapable {
    /// See `HookCall`.
    public let context: CallContext
    private let raw: UnsafePointer<hl_retained>

    @_lifetime(borrow call, borrow raw)
    init(call: UnsafeMutablePointer<hl_call>, _ raw: UnsafePointer<hl_retained>) {
        self.context = _overrideLifetime(CallContext(call), borrowing: call)
        self.raw = raw
    }

    /// Who has subscribed.
    public var client: Client {
        @_lifetime(copy self) get { _overrideLifetime(Client(raw.pointee.client), copying: self) }
    }
    /// The retained message.
    public var message: Message {
        @_lifetime(copy self) get { _overrideLifetime(Message(raw.pointee.msg), copying: self) }
    }

    /// Copied by the host.
    public func setPayload(_ payload: Span<UInt8>) {
        let call = context.raw
        withView(payload) { _ = call.pointee.api?.pointee.set_payload?(call, $0) }
    }
}
