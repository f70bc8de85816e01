internal import PluginABI

/// `connectionAccept`: a network connection that was just accepted. Nothing has been read from it.
public struct AcceptCall: HookCall, ~Escapable {
    /// See `HookCall`.
    public let context: CallContext
    private let raw: UnsafePointer<hl_accept>

    @_lifetime(borrow call, borrow raw)
    init(call: UnsafeMutablePointer<hl_call>, _ raw: UnsafePointer<hl_accept>) {
        self.context = _overrideLifetime(CallContext(call), borrowing: call)
        self.raw = raw
    }

    /// Where it comes from: "10.0.0.7:51234", "[::1]:51234" or "unix".
    public var address: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.address.buffer.span, copying: self) }
    }
    /// Name of the listener in plugins.yaml.
    public var listener: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.listener.buffer.span, copying: self) }
    }
}

/// `tlsPreSharedKey`: a TLS client offers a pre-shared key; the handshake cannot wait.
public struct KeyCall: HookCall, ~Escapable {
    /// See `HookCall`.
    public let context: CallContext
    private let raw: UnsafePointer<hl_psk>

    @_lifetime(borrow call, borrow raw)
    init(call: UnsafeMutablePointer<hl_call>, _ raw: UnsafePointer<hl_psk>) {
        self.context = _overrideLifetime(CallContext(call), borrowing: call)
        self.raw = raw
    }

    /// What the client calls itself; nobody has proved it yet.
    public var identity: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.identity.buffer.span, copying: self) }
    }
    /// Where it comes from: "10.0.0.7:51234", "[::1]:51234" or "unix".
    public var address: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.address.buffer.span, copying: self) }
    }
    /// Name of the listener.
    public var listener: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.listener.buffer.span, copying: self) }
    }

    /// The key that belongs to the identity, with a verdict of allow; at most 256 bytes.
    public func setKey(_ key: Span<UInt8>) {
        let call = context.raw
        withView(key) { _ = call.pointee.api?.pointee.set_data?(call, $0) }
    }
}

/// `tlsPeer`: a TLS client has shown its certificate.
public struct PeerCall: HookCall, ~Escapable {
    /// See `HookCall`.
    public let context: CallContext
    private let raw: UnsafePointer<hl_peer>

    @_lifetime(borrow call, borrow raw)
    init(call: UnsafeMutablePointer<hl_call>, _ raw: UnsafePointer<hl_peer>) {
        self.context = _overrideLifetime(CallContext(call), borrowing: call)
        self.raw = raw
    }

    /// The certificate chains to an authority of the listener.
    public var isVerified: Bool { raw.pointee.flags & HL_PEER_VERIFIED != 0 }
    /// "CN=sensor-7,O=Example", as in RFC 4514.
    public var subject: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.subject.buffer.span, copying: self) }
    }
    /// The common name of the subject.
    public var commonName: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.common_name.buffer.span, copying: self) }
    }
    /// DER.
    public var certificate: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.certificate.buffer.span, copying: self) }
    }
    /// SHA-256 of the certificate, 32 bytes.
    public var fingerprint: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.fingerprint.buffer.span, copying: self) }
    }

    /// What `Client.certificate` says from here on, with a verdict of allow.
    public func setIdentity(_ name: String) { context.setIdentity(userName: name, groups: [], account: "") }
}

/// `sessionOpen`: a client that was let in is about to get its session; every log-in comes through here.
public struct SessionCall: HookCall, ~Escapable {
    /// What can be lowered.
    public enum Limit: UInt32, Sendable {
        /// Seconds.
        case sessionExpiry = 1
        /// Messages under way to the client, 1 to 65,535.
        case receiveMaximum = 2
        /// Seconds, 1 to 65,535; MQTT 5.0 clients only.
        case keepAlive = 3
    }

    /// See `HookCall`.
    public let context: CallContext
    private let raw: UnsafePointer<hl_session>

    @_lifetime(borrow call, borrow raw)
    init(call: UnsafeMutablePointer<hl_call>, _ raw: UnsafePointer<hl_session>) {
        self.context = _overrideLifetime(CallContext(call), borrowing: call)
        self.raw = raw
    }

    /// Who it is.
    public var client: Client {
        @_lifetime(copy self) get { _overrideLifetime(Client(raw.pointee.client), copying: self) }
    }
    /// A session is there and is about to be continued.
    public var isPresent: Bool { raw.pointee.flags & HL_SESSION_PRESENT != 0 }
    /// Seconds the session would be kept; `UInt32.max` for ever.
    public var sessionExpiry: UInt32 { raw.pointee.session_expiry }
    /// Messages that wait in the session.
    public var queuedMessages: Int { Int(raw.pointee.queued) }

    /// Lowers one limit, with a verdict of allow.
    public func lower(_ limit: Limit, to value: UInt32) {
        _ = context.raw.pointee.api?.pointee.set_limit?(context.raw, limit.rawValue, value)
    }

    /// Promises a later answer: return `.pending` of the result. `nil` when too many calls are pending.
    public func pend() -> PendingCall? { pended() }
}
