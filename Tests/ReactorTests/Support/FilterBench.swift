@testable import Reactor

/// Drives one filter by hand: what is put in at one end, and what came out at both.
final class FilterBench {
    let filter: StreamFilter
    private(set) var plain: [UInt8] = []
    private(set) var wire: [UInt8] = []
    private(set) var status = FilterStatus.open

    init(_ filter: StreamFilter) {
        self.filter = filter
    }

    /// Gives bytes from the peer, in pieces of this size; stops when the filter has ended.
    func receive(_ bytes: [UInt8], inPiecesOf size: Int = .max) {
        var rest = bytes[...]
        repeat {
            guard case .open = status else { return }
            let piece = Array(rest.prefix(size))
            rest = rest.dropFirst(piece.count)
            var plainSink = UnsafeByteSink()
            var wireSink = UnsafeByteSink()
            status = piece.withUnsafeBytes { filter.decode($0, plain: &plainSink, wire: &wireSink) }
            plain += plainSink.bytes
            wire += wireSink.bytes
            plainSink.destroy()
            wireSink.destroy()
        } while !rest.isEmpty
    }

    func receive(_ text: String, inPiecesOf size: Int = .max) { receive(Array(text.utf8), inPiecesOf: size) }

    /// Writes as the handler does.
    func write(_ bytes: [UInt8]) {
        var sink = UnsafeByteSink()
        bytes.withUnsafeBytes { filter.encode($0, wire: &sink) }
        wire += sink.bytes
        sink.destroy()
    }

    func finish() {
        var sink = UnsafeByteSink()
        filter.finish(wire: &sink)
        wire += sink.bytes
        sink.destroy()
    }

    /// What went to the peer since the last call.
    func takeWire() -> [UInt8] {
        defer { wire = [] }
        return wire
    }

    func takePlain() -> [UInt8] {
        defer { plain = [] }
        return plain
    }

    /// The code the filter failed with; nil while it has not.
    var failure: Int32? {
        if case .failed(let code) = status { code } else { nil }
    }

    var hasEnded: Bool {
        if case .ended = status { true } else { false }
    }
}
