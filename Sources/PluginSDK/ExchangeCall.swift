internal import PluginABI

/// `authExchange`: one step of an MQTT 5 enhanced authentication, of a log-in or of a client that is online.
///
/// The first plugin that does not abstain has the exchange: later steps and re-authentications come to it alone. What
/// it has to remember between two steps it leaves with the host (`setMemo`), which forgets it with the connection.
public struct ExchangeCall: HookCall, ~Escapable {
    /// See `HookCall`.
    public let context: CallContext
    private let raw: UnsafePointer<hl_exchange>

    @_lifetime(borrow call, borrow raw)
    init(call: UnsafeMutablePointer<hl_call>, _ raw: UnsafePointer<hl_exchange>) {
        self.context = _overrideLifetime(CallContext(call), borrowing: call)
        self.raw = raw
    }

    /// The connection. During a log-in its user name is what CONNECT said, and nobody has proved it.
    public var client: Client {
        @_lifetime(copy self) get { _overrideLifetime(Client(raw.pointee.client), copying: self) }
    }
    /// The Authentication Method, such as "SCRAM-SHA-256".
    public var method: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.method.buffer.span, copying: self) }
    }
    /// What the client sent. Secret: the host wipes it after the call. Do not log it.
    public var data: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.data.buffer.span, copying: self) }
    }
    /// What `setMemo` was given at the step before; empty at step 0. Secret.
    public var memo: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.memo.buffer.span, copying: self) }
    }
    /// 0 for CONNECT or the AUTH that begins a re-authentication, then one more with every AUTH.
    public var step: Int { Int(raw.pointee.step) }
    /// The client is online and proves again who it is: it may get other groups, not another user name.
    public var isReauthentication: Bool { raw.pointee.flags & HL_EXCHANGE_AGAIN != 0 }

    /// Authentication Data for the client, with `.challenge` or `.allow`.
    public func setData(_ data: Span<UInt8>) {
        let call = context.raw
        withView(data) { _ = call.pointee.api?.pointee.set_data?(call, $0) }
    }

    /// What the next step of this exchange is given back as `memo`, with `.challenge`.
    public func setMemo(_ memo: Span<UInt8>) {
        let call = context.raw
        withView(memo) { _ = call.pointee.api?.pointee.set_memo?(call, $0) }
    }

    /// Who this is, with a verdict of allow.
    /// - Parameter userName: empty for the one of CONNECT.
    public func setIdentity(userName: String = "", groups: [String] = [], account: String = "") {
        context.setIdentity(userName: userName, groups: groups, account: account)
    }

    /// When the credentials end, in nanoseconds on the host's monotonic clock (`now` plus what is left of them): the
    /// broker ends the connection then, unless the client has authenticated again.
    public func setExpiry(at time: Int64) {
        _ = context.raw.pointee.api?.pointee.set_expires_at?(context.raw, time)
    }

    /// Return this from the hook to answer in `Plugin.authExchangeDeferred` on a worker thread.
    public func deferToWorker() -> ExchangeVerdict { ExchangeVerdict(raw: deferred()) }

    /// Promises a later answer: return `.pending` of the result. `nil` when too many calls are pending.
    public func pend() -> PendingCall? { pended() }
}

/// What `authExchange` answers.
public struct ExchangeVerdict: Equatable, Sendable {
    let raw: UInt32

    /// Not a method of this plugin: the next one is asked. When all abstain, the client is refused.
    public static let abstain = ExchangeVerdict(raw: HL_ABSTAIN)
    /// Send the data of the call to the client, and call again with what it answers.
    public static let challenge = ExchangeVerdict(raw: HL_CONTINUE)
    /// The client is who it says.
    public static let allow = ExchangeVerdict(raw: HL_ALLOW)
    /// It is not: a log-in is refused, a client that is online is disconnected.
    public static let deny = ExchangeVerdict(raw: HL_DENY)
    /// The hook failed: the host refuses the client, and counts it.
    public static let error = ExchangeVerdict(raw: HL_ERROR)

    /// The answer comes through `call`.
    public static func pending(_ call: PendingCall) -> ExchangeVerdict { ExchangeVerdict(raw: HL_PENDING) }
}
