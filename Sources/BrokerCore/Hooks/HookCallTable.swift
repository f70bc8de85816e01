import MQTTCodec
import PluginABI

/// call/1: the functions behind `hl_call.api`. Plain C functions; a call that is not one of ours is answered
/// HL_INVALID where it can be told.
enum HookCallTable {
    /// nonisolated(unsafe): written once, before anybody can see it, and constant from then on.
    nonisolated(unsafe) static let table: UnsafePointer<hl_call_v1> = {
        let table = UnsafeMutablePointer<hl_call_v1>.allocate(capacity: 1)
        table.initialize(to: make())
        return UnsafePointer(table)
    }()

    private static func make() -> hl_call_v1 {
        var table = hl_call_v1()
        table.struct_size = UInt32(MemoryLayout<hl_call_v1>.size)
        table.pend = { call in HookCallFrame.of(call)?.pend() ?? 0 }
        table.complete = { call, verdict in HookCallFrame.of(call)?.complete(verdict) ?? HL_INVALID }
        table.alloc = { call, size in
            // 16 MiB in one piece is far beyond any answer, and keeps a wild size from reaching malloc.
            guard let frame = HookCallFrame.of(call), size <= 16 << 20 else { return nil }
            return frame.arena.allocate(Int(size))
        }
        addVerdictSetters(&table)
        addMessageSetters(&table)
        addSecretSetters(&table)
        addRoutingSetters(&table)
        addMessageEdits(&table)
        return table
    }

    private static func addMessageEdits(_ table: inout hl_call_v1) {
        table.splice_payload = { call, offset, remove, insert in
            HookCallFrame.of(call)?.splicePayload(offset: offset, remove: remove, insert: insert) ?? HL_INVALID
        }
        table.set_property = { call, property in
            guard let frame = HookCallFrame.of(call), let property = property?.pointee else { return HL_INVALID }
            return frame.setProperty(property)
        }
        table.remove_property = { call, id in HookCallFrame.of(call)?.removeProperty(id) ?? HL_INVALID }
        table.insert_user_property = { call, index, name, value in
            HookCallFrame.of(call)?.insertUserProperty(at: index, name, value) ?? HL_INVALID
        }
        table.remove_user_property = { call, name in
            HookCallFrame.of(call)?.removeUserProperty(name) ?? HL_INVALID
        }
    }

    private static func addRoutingSetters(_ table: inout hl_call_v1) {
        table.set_limit = { call, limit, value in
            guard let frame = HookCallFrame.of(call) else { return HL_INVALID }
            switch limit {
            case HL_LIMIT_SESSION_EXPIRY:
                return frame.set(HL_ANSWER_SESSION_EXPIRY) { $0.answer.session_expiry = value }
            case HL_LIMIT_RECEIVE_MAX where 1...0xFFFF ~= value:
                return frame.set(HL_ANSWER_RECEIVE_MAX) { $0.answer.receive_max = value }
            case HL_LIMIT_KEEP_ALIVE where 1...0xFFFF ~= value:
                return frame.set(HL_ANSWER_KEEP_ALIVE) { $0.answer.keep_alive = value }
            default: return HL_INVALID
            }
        }
        table.add_target = { call, clientID, qos in
            guard let frame = HookCallFrame.of(call), qos <= 2, clientID.len > 0 else { return HL_INVALID }
            guard frame.targets.added.count < RouteTargets.maximum else { return HL_BUSY }
            return frame.set(HL_ANSWER_TARGETS) {
                $0.targets.added.append((clientID: Array(clientID.bytes), qos: UInt8(truncatingIfNeeded: qos)))
            }
        }
        table.remove_target = { call, clientID in
            guard let frame = HookCallFrame.of(call), clientID.len > 0 else { return HL_INVALID }
            guard frame.targets.removed.count < RouteTargets.maximum else { return HL_BUSY }
            return frame.set(HL_ANSWER_TARGETS) { $0.targets.removed.insert(Array(clientID.bytes)) }
        }
        table.select = { call, receiver in
            guard let frame = HookCallFrame.of(call) else { return HL_INVALID }
            guard frame.current.pointee.hook == HL_HOOK_MSG_OUT else { return HL_NOT_ALLOWED }
            return frame.select(receiver) ? HL_OK : HL_INVALID
        }
    }

    private static func addSecretSetters(_ table: inout hl_call_v1) {
        table.set_data = { call, data in
            guard data.len <= UInt16.max else { return HL_INVALID }
            return HookCallFrame.of(call)?.set(HL_ANSWER_DATA) { frame in
                frame.arena.holdsSecrets = true
                frame.answer.data = frame.arena.copy(data)
            } ?? HL_INVALID
        }
        table.set_memo = { call, memo in
            guard memo.len <= UInt16.max else { return HL_INVALID }
            return HookCallFrame.of(call)?.set(HL_ANSWER_MEMO) { frame in
                frame.arena.holdsSecrets = true
                frame.answer.memo = frame.arena.copy(memo)
            } ?? HL_INVALID
        }
    }

    private static func addVerdictSetters(_ table: inout hl_call_v1) {
        table.set_reason = { call, code in
            guard code <= 0xFF else { return HL_INVALID }
            return HookCallFrame.of(call)?.set(HL_ANSWER_REASON) { $0.answer.reason_code = code } ?? HL_INVALID
        }
        table.set_rule = { call, rule in
            HookCallFrame.of(call)?.set(HL_ANSWER_RULE) { $0.answer.rule = $0.arena.copy(rule) } ?? HL_INVALID
        }
        table.set_cache = { call, scope, ttl in
            guard scope <= HL_CACHE_CLIENT else { return HL_INVALID }
            return HookCallFrame.of(call)?.set(HL_ANSWER_CACHE) { frame in
                frame.answer.cache_scope = scope
                frame.answer.cache_ttl = ttl
            } ?? HL_INVALID
        }
        table.set_identity = { call, username, groups, count, account in
            guard count == 0 || groups != nil, count <= 4096 else { return HL_INVALID }
            return HookCallFrame.of(call)?.set(HL_ANSWER_IDENTITY) { frame in
                frame.answer.username = frame.arena.copy(username)
                frame.answer.account = frame.arena.copy(account)
                frame.answer.groups = frame.arena.copy(groups, count: count)
                frame.answer.group_count = count
            } ?? HL_INVALID
        }
        table.set_qos = { call, qos in
            guard qos <= 2 else { return HL_INVALID }
            return HookCallFrame.of(call)?.set(HL_ANSWER_QOS) { $0.answer.qos = qos } ?? HL_INVALID
        }
        table.set_expires_at = { call, when in
            guard when > 0 else { return HL_INVALID }
            return HookCallFrame.of(call)?.set(HL_ANSWER_EXPIRES_AT) { $0.answer.expires_at = when } ?? HL_INVALID
        }
        table.set_mount_point = { call, mountPoint in
            guard Shard.isMountPoint(Array(mountPoint.bytes)) else { return HL_INVALID }
            return HookCallFrame.of(call)?.set(HL_ANSWER_MOUNT_POINT) {
                $0.answer.mount_point = $0.arena.copy(mountPoint)
            } ?? HL_INVALID
        }
        table.set_disconnect = { call in
            HookCallFrame.of(call)?.set(HL_ANSWER_DISCONNECT) { _ in } ?? HL_INVALID
        }
    }

    private static func addMessageSetters(_ table: inout hl_call_v1) {
        table.set_topic = { call, topic in
            HookCallFrame.of(call)?.set(HL_ANSWER_TOPIC) { $0.answer.topic = $0.arena.copy(topic) } ?? HL_INVALID
        }
        table.set_payload = { call, payload in
            HookCallFrame.of(call)?.set(HL_ANSWER_PAYLOAD) { $0.answer.payload = $0.arena.copy(payload) }
                ?? HL_INVALID
        }
        table.set_properties = { call, properties in
            guard PublishProperties.isForwardable(properties.bytes) else { return HL_INVALID }
            return HookCallFrame.of(call)?.set(HL_ANSWER_PROPERTIES) {
                $0.answer.properties = $0.arena.copy(properties)
            } ?? HL_INVALID
        }
        table.add_user_property = { call, name, value in
            HookCallFrame.of(call)?.addUserProperty(name, value) ?? HL_INVALID
        }
        table.set_retain = { call, retain in
            guard retain <= 1 else { return HL_INVALID }
            return HookCallFrame.of(call)?.set(HL_ANSWER_RETAIN) { $0.answer.retain = retain } ?? HL_INVALID
        }
        table.set_expiry = { call, seconds in
            HookCallFrame.of(call)?.set(HL_ANSWER_EXPIRY) { $0.answer.expiry = seconds } ?? HL_INVALID
        }
    }
}

extension HookCallFrame {
    /// Promises a later answer: the token, or 0 when this call cannot wait.
    func pend() -> hl_token {
        guard let pending, let opening, current == call, call.pointee.token == 0 else { return 0 }
        let token = pending.open(opening, deadline: call.pointee.deadline)
        call.pointee.token = token
        owner = opening.slot.number
        return token
    }

    /// Completes the call with what the setters have said.
    func complete(_ verdict: hl_verdict) -> hl_status {
        guard let pending, current.pointee.token != 0, let owner else { return HL_STALE }
        return pending.complete(current.pointee.token, verdict, answer, by: owner)
    }
}
