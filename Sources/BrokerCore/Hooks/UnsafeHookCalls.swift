import Glibc
public import PluginABI

/// What services need to know about the hook call they are used in.
public enum HookCalls {
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
            withUnsafeMutablePointer(to: &call) { call in
                let before = current
                setCurrent(call)
                defer { setCurrent(before) }
                body()
            }
        }
    }

    /// Whether a hook runs on this thread.
    public static var isInHook: Bool { current?.pointee.input != nil }

    /// Marks the call that runs on this thread. It stays marked, without an input when no function of a plugin runs.
    @inline(__always)
    static func setCurrent(_ call: UnsafeMutablePointer<hl_call>?) {
        if let key { pthread_setspecific(key, call) }
    }

    private static var current: UnsafeMutablePointer<hl_call>? {
        guard let key, let call = pthread_getspecific(key) else { return nil }
        return call.assumingMemoryBound(to: hl_call.self)
    }
}
