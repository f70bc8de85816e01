internal import PluginABI

/// What a generation writes its state to, for one call; see `PluginHost.offerState`.
public struct StateWriter: ~Escapable {
    private let raw: UnsafePointer<hl_state_writer>

    @_lifetime(borrow raw)
    init(_ raw: UnsafePointer<hl_state_writer>) {
        self.raw = raw
    }

    /// All of it; else what has changed since, while the next generation serves already.
    public var isBulk: Bool { raw.pointee.phase == HL_STATE_BULK }

    /// Appends one chunk of 1 byte to 16 MiB. False: more than 256 MiB in all, and the hand-over fails.
    public func write(_ chunk: Span<UInt8>) -> Bool {
        withView(chunk) { raw.pointee.write?(raw, $0) == HL_OK }
    }
}

/// What the next generation reads, for one call; see `PluginHost.acceptState`.
public struct StateReader: ~Escapable {
    private let raw: UnsafePointer<hl_state_reader>

    @_lifetime(borrow raw)
    init(_ raw: UnsafePointer<hl_state_reader>) {
        self.raw = raw
    }

    /// All of it; else what has changed since.
    public var isBulk: Bool { raw.pointee.phase == HL_STATE_BULK }
    /// The number of the form, as the old generation gave it.
    public var schema: Int { Int(raw.pointee.schema) }
    /// Version of the plugin that wrote it.
    public var version: String { raw.pointee.version.string }

    /// The next chunk, as it was written; `nil`: no more.
    public func next() -> [UInt8]? {
        var chunk = hl_view()
        guard raw.pointee.read?(raw, &chunk) == HL_OK else { return nil }
        return Array(chunk.buffer)
    }
}

/// What a new generation makes of the state it is given.
public enum StateAcceptance: Sendable {
    case taken
    /// Not understood: it begins without.
    case cold
    /// The old generation stays.
    case refused
}

/// What a generation hands over to the next one. Needs `HL_HANDOVER` in the note and
/// `PluginDescription.handsOverState`.
extension PluginHost {
    /// This generation can give its state; in `Plugin.start`. Called on the control thread, first for all of it, then
    /// for what has changed since.
    /// - Parameters:
    ///   - schema: the plugin's own number for the form.
    ///   - write: false: the next generation begins cold.
    @discardableResult
    public func offerState(schema: Int, _ write: @escaping @Sendable (borrowing StateWriter) -> Bool) -> Bool {
        let user = callbacks.add(StateBox(write: write, read: nil))
        return raw.pointee.handover?.pointee.offer?(raw, UInt32(clamping: schema), StateBox.write, user) == HL_OK
    }

    /// This generation takes what the one before it gives, if it gives any; in `Plugin.start`.
    @discardableResult
    public func acceptState(_ read: @escaping @Sendable (borrowing StateReader) -> StateAcceptance) -> Bool {
        let user = callbacks.add(StateBox(write: nil, read: read))
        return raw.pointee.handover?.pointee.accept?(raw, StateBox.read, user) == HL_OK
    }
}

private struct StateBox: Sendable {
    let write: (@Sendable (borrowing StateWriter) -> Bool)?
    let read: (@Sendable (borrowing StateReader) -> StateAcceptance)?

    static let write: hl_export_fn = { _, user, writer in
        guard let body = Callback<StateBox>.of(user)?.body.write, let writer else { return HL_FAILED }
        return body(StateWriter(writer)) ? HL_OK : HL_FAILED
    }

    static let read: hl_import_fn = { _, user, reader in
        guard let body = Callback<StateBox>.of(user)?.body.read, let reader else { return HL_FAILED }
        return switch body(StateReader(reader)) {
        case .taken: HL_OK
        case .cold: HL_NOT_FOUND
        case .refused: HL_REFUSED
        }
    }
}
