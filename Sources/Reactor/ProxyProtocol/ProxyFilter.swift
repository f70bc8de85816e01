/// Takes the header of the PROXY protocol off a connection and hands everything behind it to the layer within, if there
/// is one, without another copy.
public final class ProxyFilter: StreamFilter {
    private let inner: StreamFilter?
    private var head: [UInt8] = []
    private var isDone = false

    /// A filter for a connection of a trusted proxy; `inner` is TLS or WebSocket behind it.
    public init(inner: StreamFilter?) {
        self.inner = inner
        super.init()
    }

    /// See `StreamFilter`.
    public override var acceptsPlain: Bool { isDone && inner?.acceptsPlain ?? true }

    /// Nothing: a proxy speaks first.
    public override func begin(wire: inout UnsafeByteSink) {}

    /// See `StreamFilter`.
    public override func decode(
        _ bytes: UnsafeRawBufferPointer, plain: inout UnsafeByteSink, wire: inout UnsafeByteSink
    ) -> FilterStatus {
        if isDone { return passOn(bytes, &plain, &wire) }
        let known = head.count
        head.append(contentsOf: bytes.prefix(ProxyHeader.maximumBytes - known))
        switch ProxyHeader.read(head) {
        case .needMore: return .open
        case .malformed: return .failed(FilterFailure.proxyHeader)
        case .header(let address, let length):
            isDone = true
            head = []
            if let address { discovery = .address(address) }
            inner?.begin(wire: &wire)
            guard length - known < bytes.count else { return .open }
            return passOn(UnsafeRawBufferPointer(rebasing: bytes[(length - known)...]), &plain, &wire)
        }
    }

    /// See `StreamFilter`.
    public override func accept(_ keys: @escaping PreSharedKeys) { inner?.accept(keys) }

    /// See `StreamFilter`.
    public override func encode(_ bytes: UnsafeRawBufferPointer, wire: inout UnsafeByteSink) {
        if let inner { inner.encode(bytes, wire: &wire) } else { wire.append(bytes) }
    }

    /// See `StreamFilter`.
    public override func finish(wire: inout UnsafeByteSink) {
        if isDone { inner?.finish(wire: &wire) }
    }

    private func passOn(
        _ bytes: UnsafeRawBufferPointer, _ plain: inout UnsafeByteSink, _ wire: inout UnsafeByteSink
    ) -> FilterStatus {
        guard let inner else {
            plain.append(bytes)
            return .open
        }
        inner.isBacklogged = isBacklogged
        let status = inner.decode(bytes, plain: &plain, wire: &wire)
        if let found = inner.discovery {
            inner.discovery = nil
            if discovery?.merge(found) == nil { discovery = found }
        }
        return status
    }
}
