public import PluginABI

/// A deep copy of the input of a hook call that may be answered later, or of an event on its way to a worker. It is
/// wiped when it is freed, because a CONNECT carries secrets. Immutable once made.
///
/// @unchecked Sendable: written in `init` only; the arena is not used afterwards, except to free it.
public final class HeldInput: @unchecked Sendable {
    /// The struct of the hook: `hl_connect`, `hl_msg`, `hl_subscribe`, `hl_event`, ... or `hl_client`.
    public let pointer: UnsafeRawPointer
    private let arena: HookArena

    /// A copy of a message, for a plugin that keeps it. Nil when there is no memory.
    public convenience init?(keeping message: UnsafePointer<hl_msg>) {
        self.init(copying: UnsafeRawPointer(message), of: HL_HOOK_MSG_IN)
    }

    /// A copy of a client, for a plugin that keeps it. Nil when there is no memory.
    public init?(keeping client: UnsafePointer<hl_client>) {
        let arena = HookArena(firstSize: 512, wipes: true)
        guard let copy = HeldInput.copy(client, into: arena), !arena.hasFailed else { return nil }
        self.arena = arena
        pointer = UnsafeRawPointer(copy)
    }

    /// Nil when there is no memory.
    init?(
        copying input: UnsafeRawPointer, of hook: UInt32, withPayload: Bool = true, withProperties: Bool = true
    ) {
        let parts = Parts(payload: withPayload, properties: withProperties)
        let arena = HookArena(firstSize: 1024, wipes: true)
        guard let pointer = HeldInput.copy(input, of: hook, parts, into: arena), !arena.hasFailed else { return nil }
        self.arena = arena
        self.pointer = pointer
    }

    /// Of an event: bytes of its topic and its message.
    var eventBytes: Int {
        let event = pointer.assumingMemoryBound(to: hl_event.self).pointee
        let message = event.msg.map { Int($0.pointee.topic.len + $0.pointee.payload.len + $0.pointee.properties.len) }
        let sharesTopic = event.msg.map { $0.pointee.topic.ptr == event.topic.ptr } ?? false
        return (sharesTopic ? 0 : Int(event.topic.len)) + (message ?? 0)
    }

    /// The parts of a message that are copied.
    private struct Parts {
        var payload = true
        var properties = true
    }

    private static func copy(
        _ input: UnsafeRawPointer, of hook: UInt32, _ parts: Parts, into arena: HookArena
    ) -> UnsafeRawPointer? {
        switch hook {
        case HL_HOOK_AUTH_CONNECT:
            copy(input.assumingMemoryBound(to: hl_connect.self).pointee, into: arena)
        case HL_HOOK_AUTH_EXCHANGE:
            copy(input.assumingMemoryBound(to: hl_exchange.self).pointee, into: arena)
        case HL_HOOK_ACL_SUBSCRIBE:
            copy(input.assumingMemoryBound(to: hl_subscribe.self).pointee, into: arena)
        case HL_HOOK_SESSION_OPEN:
            copy(input.assumingMemoryBound(to: hl_session.self).pointee, into: arena)
        case HL_HOOK_TLS_PEER:
            copy(input.assumingMemoryBound(to: hl_peer.self).pointee, into: arena)
        case HL_HOOK_ACL_PUBLISH, HL_HOOK_MSG_IN, HL_HOOK_MSG_STORE:
            UnsafeRawPointer(copy(input.assumingMemoryBound(to: hl_msg.self), parts, into: arena))
        default:
            copy(input.assumingMemoryBound(to: hl_event.self).pointee, parts, into: arena)
        }
    }

    private static func copy(_ session: hl_session, into arena: HookArena) -> UnsafeRawPointer? {
        var copied = session
        copied.client = copy(session.client, into: arena)
        return arena.place(copied).map { UnsafeRawPointer($0) }
    }

    private static func copy(_ peer: hl_peer, into arena: HookArena) -> UnsafeRawPointer? {
        var copied = peer
        copied.client = copy(peer.client, into: arena)
        copied.subject = arena.copy(peer.subject)
        copied.common_name = arena.copy(peer.common_name)
        copied.certificate = arena.copy(peer.certificate)
        copied.fingerprint = arena.copy(peer.fingerprint)
        return arena.place(copied).map { UnsafeRawPointer($0) }
    }

    private static func copy(_ exchange: hl_exchange, into arena: HookArena) -> UnsafeRawPointer? {
        var copied = exchange
        copied.client = copy(exchange.client, into: arena)
        copied.method = arena.copy(exchange.method)
        copied.data = arena.copy(exchange.data)
        copied.memo = arena.copy(exchange.memo)
        copied.properties = arena.copy(exchange.properties)
        if let connect = exchange.connect {
            copied.connect = copy(connect.pointee, into: arena)?.assumingMemoryBound(to: hl_connect.self)
        }
        return arena.place(copied).map { UnsafeRawPointer($0) }
    }

    private static func copy(_ connect: hl_connect, into arena: HookArena) -> UnsafeRawPointer? {
        var copied = connect
        copied.client = copy(connect.client, into: arena)
        copied.client_id = arena.copy(connect.client_id)
        copied.username = arena.copy(connect.username)
        copied.password = arena.copy(connect.password)
        copied.auth_method = arena.copy(connect.auth_method)
        copied.auth_data = arena.copy(connect.auth_data)
        copied.properties = arena.copy(connect.properties)
        copied.will = copy(connect.will, Parts(), into: arena)
        if var granted = connect.granted?.pointee {
            granted.username = arena.copy(granted.username)
            granted.account = arena.copy(granted.account)
            granted.groups = arena.copy(granted.groups, count: granted.group_count)
            if granted.groups == nil { granted.group_count = 0 }
            granted.mount_point = arena.copy(granted.mount_point)
            copied.granted = arena.place(granted).map { UnsafePointer($0) }
        }
        return arena.place(copied).map { UnsafeRawPointer($0) }
    }

    private static func copy(_ subscribe: hl_subscribe, into arena: HookArena) -> UnsafeRawPointer? {
        var copied = subscribe
        copied.client = copy(subscribe.client, into: arena)
        copied.filter = arena.copy(subscribe.filter)
        copied.share_group = arena.copy(subscribe.share_group)
        copied.properties = arena.copy(subscribe.properties)
        return arena.place(copied).map { UnsafeRawPointer($0) }
    }

    private static func copy(_ event: hl_event, _ parts: Parts, into arena: HookArena) -> UnsafeRawPointer? {
        var copied = event
        copied.client = copy(event.client, into: arena)
        copied.msg = copy(event.msg, parts, into: arena)
        copied.topic =
            event.msg?.pointee.topic.ptr == event.topic.ptr
            ? copied.msg?.pointee.topic ?? arena.copy(event.topic) : arena.copy(event.topic)
        copied.reason = arena.copy(event.reason)
        return arena.place(copied).map { UnsafeRawPointer($0) }
    }

    private static func copy(
        _ msg: UnsafePointer<hl_msg>?, _ parts: Parts, into arena: HookArena
    ) -> UnsafePointer<hl_msg>? {
        guard let msg else { return nil }
        var copied = msg.pointee
        copied.topic = arena.copy(msg.pointee.topic)
        copied.payload = parts.payload ? arena.copy(msg.pointee.payload) : hl_view()
        copied.properties = parts.properties ? arena.copy(msg.pointee.properties) : hl_view()
        copied.publisher = copy(msg.pointee.publisher, into: arena)
        copied.trace = msg.pointee.trace.flatMap { arena.place($0.pointee) }.map { UnsafePointer($0) }
        return arena.place(copied).map { UnsafePointer($0) }
    }

    private static func copy(_ client: UnsafePointer<hl_client>?, into arena: HookArena) -> UnsafePointer<hl_client>? {
        guard let client else { return nil }
        var copied = client.pointee
        copied.client_id = arena.copy(client.pointee.client_id)
        copied.username = arena.copy(client.pointee.username)
        copied.address = arena.copy(client.pointee.address)
        copied.listener = arena.copy(client.pointee.listener)
        copied.account = arena.copy(client.pointee.account)
        copied.certificate = arena.copy(client.pointee.certificate)
        copied.subject = arena.copy(client.pointee.subject)
        copied.fingerprint = arena.copy(client.pointee.fingerprint)
        copied.certificate_der = arena.copy(client.pointee.certificate_der)
        copied.psk_identity = arena.copy(client.pointee.psk_identity)
        copied.mount_point = arena.copy(client.pointee.mount_point)
        copied.groups = arena.copy(client.pointee.groups, count: client.pointee.group_count)
        copied.group_count = copied.groups == nil ? 0 : client.pointee.group_count
        return arena.place(copied).map { UnsafePointer($0) }
    }
}
