public import PluginABI

// Every conversion between the views of the C tables and Swift. What the host lends is valid until the hook returns;
// a Span made here borrows from the call it came with, so the compiler refuses to keep it longer.

extension hl_view {
    /// The bytes lent by the host; never a null pointer with a length.
    var buffer: UnsafeBufferPointer<UInt8> {
        guard let ptr, len > 0 else { return UnsafeBufferPointer(start: nil, count: 0) }
        return UnsafeBufferPointer(start: ptr, count: Int(clamping: len))
    }

    /// A copy, with U+FFFD for what is not UTF-8.
    var string: String { String(decoding: buffer, as: UTF8.self) }
}

/// Lends the UTF-8 of `text` to the host for one call.
func withView<Result>(_ text: String, _ body: (hl_view) -> Result) -> Result {
    var text = text
    return text.withUTF8 { body(hl_view(ptr: $0.baseAddress, len: UInt64($0.count))) }
}

/// Lends `bytes` to the host for one call.
func withView<Result>(_ bytes: Span<UInt8>, _ body: (hl_view) -> Result) -> Result {
    bytes.withUnsafeBufferPointer { body(hl_view(ptr: $0.baseAddress, len: UInt64($0.count))) }
}

/// Lends several texts to the host for one call.
func withViews<Result>(_ texts: [String], _ body: (UnsafeBufferPointer<hl_view>) -> Result) -> Result {
    let bytes = texts.flatMap { Array($0.utf8) }
    return bytes.withUnsafeBufferPointer { block in
        var views: [hl_view] = []
        var start = 0
        for text in texts {
            let count = text.utf8.count
            views.append(hl_view(ptr: block.baseAddress.map { $0 + start }, len: UInt64(count)))
            start += count
        }
        return views.withUnsafeBufferPointer(body)
    }
}

/// Texts that the host lends, such as the groups of a client.
public struct TextList: ~Escapable {
    private let views: UnsafeBufferPointer<hl_view>

    /// - Parameter views: must stay valid, with the bytes they point to, as long as this value exists.
    @_lifetime(borrow views)
    public init(_ views: UnsafeBufferPointer<hl_view>) {
        self.views = views
    }

    @_lifetime(borrow start)
    init(start: UnsafePointer<hl_view>?, count: UInt32) {
        self.views = UnsafeBufferPointer(start: start, count: start == nil ? 0 : Int(count))
    }

    /// Lends texts of one's own for one call.
    public static func lending<Result>(_ texts: [String], _ body: (TextList) -> Result) -> Result {
        withViews(texts) { body(TextList($0)) }
    }

    /// Number of texts.
    public var count: Int { views.count }

    /// The bytes of one text.
    public subscript(index: Int) -> Span<UInt8> {
        @_lifetime(copy self)
        get {
            precondition(views.indices.contains(index), "an index of the list")
            return _overrideLifetime(views[index].buffer.span, copying: self)
        }
    }
}

extension String {
    /// A copy of lent bytes, with U+FFFD for what is not UTF-8.
    public init(decoding bytes: Span<UInt8>) {
        self = bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }
}

extension [UInt8] {
    /// A copy of lent bytes.
    public init(_ bytes: Span<UInt8>) {
        self = bytes.withUnsafeBufferPointer { Array($0) }
    }
}
