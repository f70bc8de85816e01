import Glibc
public import PluginABI

/// What services need to know about the hook call they are used in.
///
/// A thread that runs hooks has a cell: the call that runs, or nil between two calls. An event loop is bound to the
/// cell of its dispatcher once per turn, so that a call costs one store before and one after.
public enum HookCalls {
    /// Where the call that runs is noted.
    typealias Cell = UnsafeMutablePointer<UnsafeMutablePointer<hl_call>?>

    /// pthread_key_create fails only when 1,024 keys are taken; then publishes have no hops, and that is all.
    private static let key: pthread_key_t? = {
        var key = pthread_key_t()
        return pthread_key_create(&key, nil) == 0 ? key : nil
    }()

    /// How many publishes of plugins led to the message a call is about: of `cause`, or else of the hook that runs on
    /// this thread; 0 outside of hooks and for hooks that are not about a message.
    public static func hops(of cause: UnsafeMutablePointer<hl_call>?) -> UInt32 {
        guard let call = cause ?? current else { return 0 }
        return message(of: call.pointee)?.pointee.hops ?? 0
    }

    /// The message a call is about; nil when it is about none, or when no hook runs.
    static func message(of call: hl_call) -> UnsafePointer<hl_msg>? {
        guard let input = call.input else { return nil }
        switch call.hook {
        case HL_HOOK_ACL_PUBLISH, HL_HOOK_MSG_IN, HL_HOOK_MSG_STORE, HL_HOOK_MSG_ROUTE, HL_HOOK_WILL_PUBLISH,
            HL_HOOK_RETAIN_SET:
            return input.assumingMemoryBound(to: hl_msg.self)
        case HL_HOOK_ACL_DELIVER, HL_HOOK_MSG_OUT:
            return input.assumingMemoryBound(to: hl_delivery.self).pointee.msg
        case HL_HOOK_RETAIN_GET:
            return input.assumingMemoryBound(to: hl_retained.self).pointee.msg
        case HL_HOOK_NOTIFY_CONNECTED..<HL_HOOK_ID_LIMIT:
            return input.assumingMemoryBound(to: hl_event.self).pointee.msg
        default: return nil
        }
    }

    /// Runs `body` as if it were inside a hook about the message with the most hops: what it publishes counts on.
    static func withHops(of messages: [hl_msg], _ body: () -> Void) {
        guard var message = messages.max(by: { $0.hops < $1.hops }), message.hops > 0 else { return body() }
        withUnsafePointer(to: &message) { message in
            var call = hl_call()
            call.struct_size = UInt32(MemoryLayout<hl_call>.size)
            call.hook = HL_HOOK_MSG_IN
            call.input = UnsafeRawPointer(message)
            withUnsafeMutablePointer(to: &call) { call in running(call, body) }
        }
    }

    /// Whether a hook runs on this thread.
    public static var isInHook: Bool { current != nil }

    /// Binds this thread to a cell, which outlives its use here; nil: no hook runs on it.
    static func bind(_ cell: Cell?) {
        if let key { pthread_setspecific(key, cell) }
    }

    /// The cell is about to go.
    static func unbind(_ cell: Cell) {
        if self.cell == cell { bind(nil) }
    }

    /// Runs `body`, which calls a function of a plugin with `call`, on a thread without a cell of its own.
    static func running<Result>(_ call: UnsafeMutablePointer<hl_call>, _ body: () -> Result) -> Result {
        var running: UnsafeMutablePointer<hl_call>? = call
        return withUnsafeMutablePointer(to: &running) { cell in
            let before = self.cell
            bind(cell)
            defer { bind(before) }
            return body()
        }
    }

    private static var cell: Cell? {
        guard let key, let cell = pthread_getspecific(key) else { return nil }
        return cell.assumingMemoryBound(to: UnsafeMutablePointer<hl_call>?.self)
    }

    private static var current: UnsafeMutablePointer<hl_call>? { cell?.pointee }
}
