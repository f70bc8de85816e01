internal import PluginABI

/// One call of one hook. It lives until the hook returns: the compiler lets no view of it escape.
public protocol HookCall: ~Escapable {
    /// What all calls have in common.
    var context: CallContext { @_lifetime(copy self) get }
}

/// The part of a call that does not depend on the hook; its methods are those of every `HookCall`.
public struct CallContext: ~Escapable {
    let raw: UnsafeMutablePointer<hl_call>

    @_lifetime(borrow raw)
    init(_ raw: UnsafeMutablePointer<hl_call>) {
        self.raw = raw
    }
}

extension CallContext {
    func setIdentity(userName: String, groups: [String], account: String) {
        let raw = raw
        withView(userName) { userName in
            withView(account) { account in
                withViews(groups) { groups in
                    _ = raw.pointee.api?.pointee.set_identity?(
                        raw, userName, groups.baseAddress, UInt32(groups.count), account)
                }
            }
        }
    }
}

extension HookCall where Self: ~Escapable {
    private var raw: UnsafeMutablePointer<hl_call> { context.raw }

    /// Index of the event loop the call runs on, below `PluginHost.shardCount`.
    public var shard: Int { Int(raw.pointee.shard) }
    /// Nanoseconds on the host's monotonic clock.
    public var now: Int64 { raw.pointee.now }
    /// Nanoseconds on the host's monotonic clock: the time by which an answer is wanted.
    public var deadline: Int64 { raw.pointee.deadline }
    /// Names a call that pends, for `Plugin.cancelled`; 0 for one that does not.
    public var token: UInt64 { raw.pointee.token }

    /// Names what decided, for log and explanation ("acl.yaml:9"); clients never see it.
    public func setRule(_ rule: String) {
        withView(rule) { _ = raw.pointee.api?.pointee.set_rule?(raw, $0) }
    }

    /// As the one for text; does not allocate.
    public func setRule(_ rule: Span<UInt8>) {
        withView(rule) { _ = raw.pointee.api?.pointee.set_rule?(raw, $0) }
    }

    /// The MQTT reason code of a refusal; the host chooses a sensible one without it.
    public func setReason(_ code: ReasonCode) {
        _ = raw.pointee.api?.pointee.set_reason?(raw, UInt32(code.rawValue))
    }

    /// Lets the host reuse the verdict (acl hooks).
    /// - Parameter nanoseconds: for how long; `nil` until it is revoked.
    public func cache(_ scope: VerdictScope, nanoseconds: Int64? = nil) {
        _ = raw.pointee.api?.pointee.set_cache?(raw, scope.rawValue, nanoseconds ?? .max)
    }

    /// Closes the connection, together with a refusal (`aclPublish`, `messageIn`).
    public func disconnect() {
        _ = raw.pointee.api?.pointee.set_disconnect?(raw)
    }

    /// Answers later: the host calls the deferred method of the same hook on a worker thread, which may block. The
    /// input of the call stays valid there, and is wiped after it; nothing has to be copied.
    func deferred() -> UInt32 {
        guard let executor = raw.pointee.`self`?.pointee.executor, let submit = executor.pointee.defer else {
            return HL_ERROR
        }
        return submit(raw, HookThunks.deferred)
    }

    /// Answers later, from anywhere; `nil` when the call may not pend or too many are pending.
    func pended() -> PendingCall? {
        guard let host = raw.pointee.`self`, let token = raw.pointee.api?.pointee.pend?(raw), token != 0 else {
            return nil
        }
        return PendingCall(host: host, token: token)
    }
}

/// A call about one message and many receivers: `DeliveryCall`, `OutgoingCall`.
public protocol BatchCall: HookCall, ~Escapable {
    /// What both have in common; see the methods of the call.
    var batch: DeliveryBatch { @_lifetime(copy self) get }
}

/// The message and the receivers of a `BatchCall`.
public struct DeliveryBatch: ~Escapable {
    let raw: UnsafePointer<hl_delivery>

    @_lifetime(borrow raw)
    init(_ raw: UnsafePointer<hl_delivery>) {
        self.raw = raw
    }

    func set(_ index: Int, in bits: UnsafeMutablePointer<UInt64>?) {
        precondition(index >= 0 && index < Int(raw.pointee.receiver_count), "an index of the batch")
        bits?[index >> 6] |= 1 << UInt64(index & 63)
    }
}

extension BatchCall where Self: ~Escapable {
    /// The message, without edits.
    public var message: Message {
        @_lifetime(copy self)
        get {
            let raw = batch.raw
            return _overrideLifetime(Message(raw.pointee.msg), copying: self)
        }
    }
    /// Number of receivers.
    public var receiverCount: Int { Int(batch.raw.pointee.receiver_count) }

    /// The client behind one receiver.
    @_lifetime(copy self)
    public func receiver(_ index: Int) -> Client {
        precondition(index >= 0 && index < receiverCount, "an index of the batch")
        // The stride is the host's: receivers may have grown since this was compiled.
        let delivery = batch.raw.pointee
        let bytes = UnsafeRawPointer(delivery.receivers) + index * Int(delivery.receiver_stride)
        let receiver = bytes.assumingMemoryBound(to: hl_receiver.self)
        return _overrideLifetime(Client(receiver.pointee.client), copying: self)
    }

    /// This receiver is not sent the message.
    public func deny(_ index: Int) { batch.set(index, in: batch.raw.pointee.deny) }
}
