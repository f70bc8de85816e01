internal import PluginABI

/// `messageIn`: a message on its way in, after it was authorised. The edits take effect with the verdict `.replace`.
public struct MessageCall: HookCall, ~Escapable {
    /// See `HookCall`.
    public let context: CallContext
    private let raw: UnsafePointer<hl_msg>

    @_lifetime(borrow call, borrow raw)
    init(call: UnsafeMutablePointer<hl_call>, _ raw: UnsafePointer<hl_msg>) {
        self.context = _overrideLifetime(CallContext(call), borrowing: call)
        self.raw = raw
    }

    /// The message, without the edits of this call.
    public var message: Message {
        @_lifetime(copy self) get { _overrideLifetime(Message(raw), copying: self) }
    }

    /// The host checks and authorises the new topic as if the client had sent it.
    public func setTopic(_ topic: String) {
        let call = context.raw
        withView(topic) { _ = call.pointee.api?.pointee.set_topic?(call, $0) }
    }

    /// Copied by the host.
    public func setPayload(_ payload: Span<UInt8>) {
        let call = context.raw
        withView(payload) { _ = call.pointee.api?.pointee.set_payload?(call, $0) }
    }

    /// Replaces all forwarded MQTT 5 properties.
    /// - Parameter properties: in wire form, without the length in front; copied by the host.
    public func setProperties(_ properties: Span<UInt8>) {
        let call = context.raw
        withView(properties) { _ = call.pointee.api?.pointee.set_properties?(call, $0) }
    }

    /// Adds an MQTT 5 user property behind those that are there.
    public func addUserProperty(_ name: String, _ value: String) {
        let call = context.raw
        withView(name) { name in
            withView(value) { value in _ = call.pointee.api?.pointee.add_user_property?(call, name, value) }
        }
    }

    /// Takes bytes out of the payload as edited so far, and puts others there.
    /// - Returns: false when the range is not within it.
    @discardableResult
    public func splicePayload(_ range: Range<Int>, _ insert: Span<UInt8>) -> Bool {
        let call = context.raw
        guard range.lowerBound >= 0 else { return false }
        let (offset, count) = (UInt64(range.lowerBound), UInt64(range.count))
        return withView(insert) { call.pointee.api?.pointee.splice_payload?(call, offset, count, $0) } == HL_OK
    }

    /// Sets one forwarded property that is no user property, such as ``MessageProperty/id`` 0x03.
    /// - Returns: false when there is no such property, or it cannot have the value.
    @discardableResult
    public func setProperty(_ id: UInt32, _ value: String) -> Bool {
        let call = context.raw
        return withView(value) { value in
            var property = hl_property()
            property.id = id
            property.value = value
            return call.pointee.api?.pointee.set_property?(call, &property)
        } == HL_OK
    }

    /// Removes every property with this identifier.
    public func removeProperty(_ id: UInt32) {
        _ = context.raw.pointee.api?.pointee.remove_property?(context.raw, id)
    }

    /// Puts a user property before the one at `index` among the user properties, or at the end.
    public func insertUserProperty(_ name: String, _ value: String, at index: Int) {
        let call = context.raw
        withView(name) { name in
            withView(value) { value in
                _ = call.pointee.api?.pointee.insert_user_property?(call, UInt32(clamping: index), name, value)
            }
        }
    }

    /// Removes every user property with this name.
    public func removeUserProperty(_ name: String) {
        let call = context.raw
        withView(name) { _ = call.pointee.api?.pointee.remove_user_property?(call, $0) }
    }

    /// Whether the message is kept for later subscribers.
    public func setRetain(_ retain: Bool) {
        _ = context.raw.pointee.api?.pointee.set_retain?(context.raw, retain ? 1 : 0)
    }

    /// Return this from the hook to answer in `Plugin.messageInDeferred` on a worker thread. Needs `mayPend` in the
    /// interest.
    public func deferToWorker() -> MessageVerdict { MessageVerdict(raw: deferred()) }

    /// Promises a later answer: return `.pending` of the result. `nil` when the interest lacks `mayPend` or too many
    /// calls are pending.
    public func pend() -> PendingCall? { pended() }
}

/// `notify`: something has happened.
public struct EventCall: HookCall, ~Escapable {
    /// See `HookCall`.
    public let context: CallContext
    private let raw: UnsafePointer<hl_event>

    @_lifetime(borrow call, borrow raw)
    init(call: UnsafeMutablePointer<hl_call>, _ raw: UnsafePointer<hl_event>) {
        self.context = _overrideLifetime(CallContext(call), borrowing: call)
        self.raw = raw
    }

    /// What; `nil` for an event this version of the SDK does not know.
    public var event: Hook? { Hook(rawValue: raw.pointee.hook) }
    /// Nanoseconds on the host's monotonic clock.
    public var time: Int64 { raw.pointee.time }
    /// Events dropped before this one because the plugin was too slow.
    public var lost: UInt64 { raw.pointee.lost }
    /// MQTT reason code, where there is one.
    public var reasonCode: UInt32 { raw.pointee.reason_code }
    /// How many messages or receivers.
    public var count: UInt64 { raw.pointee.count }
    /// A state that holds already, told to a plugin that has just started.
    public var isReplay: Bool { raw.pointee.flags & HL_EVENT_REPLAY != 0 }
    /// Topic or filter.
    public var topic: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.topic.buffer.span, copying: self) }
    }
    /// One word of the log's vocabulary, such as "keepalive_timeout".
    public var reason: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.reason.buffer.span, copying: self) }
    }
    /// Whether the event is about a client; if so, `client` is that client.
    public var hasClient: Bool { raw.pointee.client != nil }
    /// The client concerned.
    /// - Precondition: `hasClient`.
    public var client: Client {
        @_lifetime(copy self)
        get {
            guard let client = raw.pointee.client else { preconditionFailure("check hasClient first") }
            return _overrideLifetime(Client(client), copying: self)
        }
    }
}
