internal import PluginABI

/// A connection and who is behind it, lent for the duration of a call.
public struct Client: ~Escapable {
    private let raw: UnsafePointer<hl_client>

    @_lifetime(borrow raw)
    init(_ raw: UnsafePointer<hl_client>) {
        self.raw = raw
    }

    /// Never reused while the broker runs.
    public var connection: UInt64 { raw.pointee.connection }
    /// The client identifier in effect, also when the server assigned it.
    public var id: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.client_id.buffer.span, copying: self) }
    }
    /// The identity, which may differ from what CONNECT said; empty when anonymous.
    public var userName: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.username.buffer.span, copying: self) }
    }
    /// Where it comes from: "10.0.0.7:51234", "[::1]:51234" or "unix".
    public var address: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.address.buffer.span, copying: self) }
    }
    /// Name of the listener in plugins.yaml.
    public var listener: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.listener.buffer.span, copying: self) }
    }
    /// Identity of the client certificate; empty without one.
    public var certificate: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.certificate.buffer.span, copying: self) }
    }
    /// "CN=sensor-7,O=Example": the subject of that certificate as in RFC 4514; empty without one.
    public var certificateSubject: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.subject.buffer.span, copying: self) }
    }
    /// SHA-256 of that certificate, 32 bytes; empty without one.
    public var certificateFingerprint: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.fingerprint.buffer.span, copying: self) }
    }
    /// That certificate in DER, in hooks until the client has been let in; empty later and without one.
    public var certificateDER: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.certificate_der.buffer.span, copying: self) }
    }
    /// The name beside the pre-shared key it has proved to have; empty without one.
    public var preSharedKeyIdentity: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.psk_identity.buffer.span, copying: self) }
    }
    /// The account or tenant that the plugin that let the client in has put it into; empty without one.
    public var account: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.account.buffer.span, copying: self) }
    }
    /// Groups given by the plugin that let the client in.
    public var groups: TextList {
        @_lifetime(copy self)
        get {
            _overrideLifetime(TextList(start: raw.pointee.groups, count: raw.pointee.group_count), copying: self)
        }
    }
    /// 4 = MQTT 3.1.1, 5 = MQTT 5.0.
    public var protocolLevel: Int { Int(raw.pointee.`protocol`) }
    /// The connection is encrypted.
    public var isTLS: Bool { raw.pointee.flags & HL_CLIENT_TLS != 0 }
    /// Let in without credentials because the listener allows it.
    public var isAnonymous: Bool { raw.pointee.flags & HL_CLIENT_ANONYMOUS != 0 }
}
