internal import PluginABI

/// A message that outlives the call it came with: the host's copy of it, given back when this object ends, which has
/// to be before the plugin has stopped.
///
/// @unchecked Sendable: what the pointer leads to is never changed; any thread may give it back.
public final class KeptMessage: @unchecked Sendable {
    private let host: PluginHost
    private let pointer: UnsafePointer<hl_msg>

    fileprivate init(_ host: PluginHost, _ pointer: UnsafePointer<hl_msg>) {
        self.host = host
        self.pointer = pointer
    }

    deinit { _ = host.raw.pointee.message?.pointee.release?(host.raw, pointer) }

    /// Lends the message.
    public func withMessage<Result>(_ body: (borrowing Message) -> Result) -> Result { body(Message(pointer)) }
}

extension PluginHost {
    /// Keeps a copy of a message; `nil` when the plugin keeps as much as it may (65,536 things, 64 MiB), or the service
    /// is not granted.
    public func keep(_ message: borrowing Message) -> KeptMessage? {
        raw.pointee.message?.pointee.retain?(raw, message.raw).map { KeptMessage(self, $0) }
    }
}
