internal import PluginABI

/// A message, lent for the duration of a call.
public struct Message: ~Escapable {
    /// Where a message comes from.
    public enum Origin: UInt32, Sendable {
        case client = 0
        case bridge = 1
        case plugin = 2
        case will = 3
        case retained = 4
        case replay = 5
    }

    let raw: UnsafePointer<hl_msg>

    @_lifetime(borrow raw)
    init(_ raw: UnsafePointer<hl_msg>) {
        self.raw = raw
    }

    /// The topic: valid, aliases resolved.
    public var topic: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.topic.buffer.span, copying: self) }
    }
    /// The payload, any bytes.
    public var payload: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.payload.buffer.span, copying: self) }
    }
    /// The forwarded MQTT 5 properties in wire form, already checked.
    public var properties: Span<UInt8> {
        @_lifetime(copy self) get { _overrideLifetime(raw.pointee.properties.buffer.span, copying: self) }
    }
    /// The same in log, store, trace and on every hook.
    public var id: UInt64 { raw.pointee.id }
    /// 0, 1 or 2.
    public var qos: Int { Int(raw.pointee.qos) }
    /// To be kept for later subscribers.
    public var retain: Bool { raw.pointee.flags & HL_MSG_RETAIN != 0 }
    /// `nil` for an origin this version of the SDK does not know.
    public var origin: Origin? { Origin(rawValue: raw.pointee.origin) }
    /// Nanoseconds on the host's monotonic clock.
    public var received: Int64 { raw.pointee.received }

    /// Whether a client stands behind the message; if so, `publisher` is that client.
    public var hasPublisher: Bool { raw.pointee.publisher != nil }
    /// The client behind the message.
    /// - Precondition: `hasPublisher`.
    public var publisher: Client {
        @_lifetime(copy self)
        get {
            guard let client = raw.pointee.publisher else { preconditionFailure("check hasPublisher first") }
            return _overrideLifetime(Client(client), copying: self)
        }
    }
}
