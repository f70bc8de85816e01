internal import PluginABI

/// `authConnect`: may this client come in?
public struct ConnectCall: HookCall, ~Escapable {
    /// See `HookCall`.
    public let context: CallContext
    private let raw: UnsafePointer<hl_connect>

    @_lifetime(borrow call, borrow raw)
    init(call: UnsafeMutablePointer<hl_call>, _ raw: UnsafePointer<hl_connect>) {
        self.context = _overrideLifetime(CallContext(call), borrowing: call)
        self.raw = raw
    }

    /// The connection.
    public var client: Client {
        @_lifetime(copy self) get { _overrideLifetime(Client(raw.pointee.client), copying: self) }
    }
    /// The packet has a user name, possibly an empty one.
    public var hasUserName: Bool { raw.pointee.flags & HL_CONNECT_HAS_USERNAME != 0 }
    /// The packet has a password, possibly an empty one.
    public var hasPassword: Bool { raw.pointee.flags & HL_CONNECT_HAS_PASSWORD != 0 }
    /// As the packet says.
    public var userName: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.username.buffer.span, copying: self) }
    }
    /// Secret: the host wipes it after the call. Do not copy it, do not log it.
    public var password: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.password.buffer.span, copying: self) }
    }

    /// Who this is, with a verdict of allow.
    /// - Parameter userName: empty for the one of the packet.
    public func setIdentity(userName: String = "", groups: [String] = [], account: String = "") {
        context.setIdentity(userName: userName, groups: groups, account: account)
    }

    /// When the credentials end, in nanoseconds on the host's monotonic clock (`now` plus what is left of them): the
    /// broker ends the connection then. Without it there is no end.
    public func setExpiry(at time: Int64) {
        _ = context.raw.pointee.api?.pointee.set_expires_at?(context.raw, time)
    }

    /// Return this from the hook to answer in `Plugin.authConnectDeferred` on a worker thread.
    public func deferToWorker() -> AccessVerdict { AccessVerdict(raw: deferred()) }

    /// Promises a later answer: return `.pending` of the result. `nil` when too many calls are pending.
    public func pend() -> PendingCall? { pended() }
}

/// `aclSubscribe`: may this client have this subscription? Once per filter of a SUBSCRIBE packet.
public struct SubscribeCall: HookCall, ~Escapable {
    /// See `HookCall`.
    public let context: CallContext
    private let raw: UnsafePointer<hl_subscribe>

    @_lifetime(borrow call, borrow raw)
    init(call: UnsafeMutablePointer<hl_call>, _ raw: UnsafePointer<hl_subscribe>) {
        self.context = _overrideLifetime(CallContext(call), borrowing: call)
        self.raw = raw
    }

    /// Who asks.
    public var client: Client {
        @_lifetime(copy self) get { _overrideLifetime(Client(raw.pointee.client), copying: self) }
    }
    /// Without `$share/{group}/`.
    public var filter: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.filter.buffer.span, copying: self) }
    }
    /// Empty when the subscription is not shared.
    public var shareGroup: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.share_group.buffer.span, copying: self) }
    }
    /// Asked for: 0, 1 or 2.
    public var qos: Int { Int(raw.pointee.qos) }
    /// No packet: a live subscription is looked at again after `PluginHost.recheckSubscriptions`.
    public var isRecheck: Bool { raw.pointee.flags & HL_SUBSCRIBE_RECHECK != 0 }

    /// Grants less than asked for, with a verdict of allow.
    public func grant(qos: Int) {
        _ = context.raw.pointee.api?.pointee.set_qos?(context.raw, UInt32(clamping: qos))
    }

    /// Return this from the hook to answer in `Plugin.aclSubscribeDeferred` on a worker thread.
    public func deferToWorker() -> AccessVerdict { AccessVerdict(raw: deferred()) }

    /// Promises a later answer: return `.pending` of the result. `nil` when too many calls are pending.
    public func pend() -> PendingCall? { pended() }
}

/// `aclPublish`: may this message be published? Also asked about wills.
public struct PublishCall: HookCall, ~Escapable {
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
}

/// `aclDeliver`: who of these may be sent this message? The verdict holds for the receivers decided by neither method.
public struct DeliveryCall: HookCall, ~Escapable {
    /// See `HookCall`.
    public let context: CallContext
    private let raw: UnsafePointer<hl_delivery>

    @_lifetime(borrow call, borrow raw)
    init(call: UnsafeMutablePointer<hl_call>, _ raw: UnsafePointer<hl_delivery>) {
        self.context = _overrideLifetime(CallContext(call), borrowing: call)
        self.raw = raw
    }

    /// The message.
    public var message: Message {
        @_lifetime(copy self) get { _overrideLifetime(Message(raw.pointee.msg), copying: self) }
    }
    /// Number of receivers.
    public var receiverCount: Int { Int(raw.pointee.receiver_count) }

    /// The client behind one receiver.
    @_lifetime(copy self)
    public func receiver(_ index: Int) -> Client {
        precondition(index >= 0 && index < receiverCount, "an index of the batch")
        // The stride is the host's: receivers may have grown since this was compiled.
        let bytes = UnsafeRawPointer(raw.pointee.receivers) + index * Int(raw.pointee.receiver_stride)
        let receiver = bytes.assumingMemoryBound(to: hl_receiver.self)
        return _overrideLifetime(Client(receiver.pointee.client), copying: self)
    }

    /// This receiver may be sent the message.
    public func allow(_ index: Int) { Self.set(index, in: raw.pointee.allow, of: receiverCount) }

    /// This receiver is not sent the message.
    public func deny(_ index: Int) { Self.set(index, in: raw.pointee.deny, of: receiverCount) }

    private static func set(_ index: Int, in bits: UnsafeMutablePointer<UInt64>?, of count: Int) {
        precondition(index >= 0 && index < count, "an index of the batch")
        bits?[index >> 6] |= 1 << UInt64(index & 63)
    }
}
