/// Two layers as one: `outer` is next to the socket, `inner` next to the handler, such as TLS with WebSocket inside.
final class FilterPair: StreamFilter {
    private let outer: StreamFilter
    private let inner: StreamFilter
    /// Between the two; empty between calls, and then without memory: an idle connection costs no buffer.
    private var arrived = UnsafeByteSink()
    private var leaving = UnsafeByteSink()

    init(outer: StreamFilter, inner: StreamFilter) {
        self.outer = outer
        self.inner = inner
        super.init()
    }

    deinit {
        arrived.destroy()
        leaving.destroy()
    }

    override var acceptsPlain: Bool { outer.acceptsPlain && inner.acceptsPlain }

    override func begin(wire: inout UnsafeByteSink) {
        outer.begin(wire: &wire)
    }

    override func decode(
        _ bytes: UnsafeRawBufferPointer, plain: inout UnsafeByteSink, wire: inout UnsafeByteSink
    ) -> FilterStatus {
        inner.isBacklogged = isBacklogged
        let outerStatus = outer.decode(bytes, plain: &arrived, wire: &wire)
        if let found = outer.discovery {
            if discovery?.merge(found) == nil { discovery = found }
            outer.discovery = nil
        }
        guard arrived.count > 0 else { return outerStatus }
        let innerStatus = inner.decode(arrived.bytes, plain: &plain, wire: &leaving)
        arrived.destroy()
        passOn(&wire)
        if case .open = innerStatus { return outerStatus }
        return innerStatus
    }

    override func accept(_ keys: @escaping PreSharedKeys) {
        outer.accept(keys)
        inner.accept(keys)
    }

    override func encode(_ bytes: UnsafeRawBufferPointer, wire: inout UnsafeByteSink) {
        inner.encode(bytes, wire: &leaving)
        passOn(&wire)
    }

    override func finish(wire: inout UnsafeByteSink) {
        inner.finish(wire: &leaving)
        passOn(&wire)
        outer.finish(wire: &wire)
    }

    private func passOn(_ wire: inout UnsafeByteSink) {
        if leaving.count > 0, outer.acceptsPlain { outer.encode(leaving.bytes, wire: &wire) }
        leaving.destroy()
    }
}
