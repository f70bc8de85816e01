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

    /// Puts these bytes before every topic and filter of the client, which does not see them: its tree of topics begins
    /// there. With a verdict of allow; in the place of the listener's.
    /// - Returns: false when no topic may stand under it (wildcards, `$` in front, more than 1,024 bytes).
    @discardableResult
    public func setMountPoint(_ mountPoint: String) -> Bool {
        let raw = context.raw
        return withView(mountPoint) { raw.pointee.api?.pointee.set_mount_point?(raw, $0) } == HL_OK
    }

    /// Lowers what the session will have, with a verdict of allow; `nil` leaves it.
    /// - Parameters:
    ///   - sessionExpiry: seconds.
    ///   - receiveMaximum: messages under way to the client, at least 1.
    ///   - keepAlive: seconds, at least 1; MQTT 5.0 clients only.
    public func setLimits(sessionExpiry: UInt32? = nil, receiveMaximum: UInt16? = nil, keepAlive: UInt16? = nil) {
        let raw = context.raw
        let limits: [(UInt32, UInt32?)] = [
            (HL_LIMIT_SESSION_EXPIRY, sessionExpiry), (HL_LIMIT_RECEIVE_MAX, receiveMaximum.map(UInt32.init)),
            (HL_LIMIT_KEEP_ALIVE, keepAlive.map(UInt32.init)),
        ]
        for case (let limit, let value?) in limits { _ = raw.pointee.api?.pointee.set_limit?(raw, limit, value) }
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
public struct DeliveryCall: BatchCall, ~Escapable {
    /// See `HookCall`.
    public let context: CallContext
    /// See `BatchCall`.
    public let batch: DeliveryBatch

    @_lifetime(borrow call, borrow raw)
    init(call: UnsafeMutablePointer<hl_call>, _ raw: UnsafePointer<hl_delivery>) {
        self.context = _overrideLifetime(CallContext(call), borrowing: call)
        self.batch = _overrideLifetime(DeliveryBatch(raw), borrowing: call)
    }

    /// This receiver may be sent the message.
    public func allow(_ index: Int) { batch.set(index, in: batch.raw.pointee.allow) }
}
