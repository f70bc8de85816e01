import PluginABI

/// Who a client is, by the plugins of auth.connect that have allowed it: the first one, or with the policy
/// all-must-allow several, each of which sees what those before it have granted.
extension HookDispatcher {
    /// An allow of a hook that asks who a client is. Nil: the next plugin is asked as well.
    func grant(
        _ answer: hl_answer, _ slot: HookSlot, _ progress: ChainProgress, _ input: inout UnsafeRawPointer
    ) -> HookOutcome? {
        var all = granted(in: input, of: progress.hook)
        all.take(answer)
        guard !slot.decidesAlone, progress.hook == HL_HOOK_AUTH_CONNECT else {
            takeGranted(all, progress.limits)
            return .allow
        }
        var connect = input.assumingMemoryBound(to: hl_connect.self).pointee
        connect.granted = frame.arena.place(all).map { UnsafePointer($0) }
        guard connect.granted != nil, let next = frame.arena.place(connect) else {
            // Half an identity lets nobody in.
            lastResult.hasFailed = true
            return .deny
        }
        input = UnsafeRawPointer(next)
        return nil
    }

    /// What the plugins asked so far have granted.
    func granted(in input: UnsafeRawPointer, of hook: UInt32) -> hl_granted {
        if hook == HL_HOOK_AUTH_CONNECT, let all = input.assumingMemoryBound(to: hl_connect.self).pointee.granted {
            return all.pointee
        }
        var nothing = hl_granted()
        nothing.struct_size = UInt32(MemoryLayout<hl_granted>.size)
        return nothing
    }

    /// The client is let in with this.
    func takeGranted(_ all: hl_granted, _ limits: SessionLimits) {
        lastResult.hasIdentity = all.flags & HL_GRANTED_IDENTITY != 0
        lastResult.username = all.username
        lastResult.account = all.account
        lastResult.groups = all.groups
        lastResult.groupCount = all.groups == nil ? 0 : all.group_count
        lastResult.expiresAt = all.expires_at
        lastResult.mountPoint = all.mount_point.len > 0 ? all.mount_point : nil
        lastResult.limits = limits
    }
}

extension hl_granted {
    /// What one plugin says more. The views are borrowed from its answer.
    fileprivate mutating func take(_ answer: hl_answer) {
        if answer.flags & HL_ANSWER_IDENTITY != 0 {
            flags |= HL_GRANTED_IDENTITY
            username = answer.username
            account = answer.account
            groups = answer.groups
            group_count = answer.groups == nil ? 0 : answer.group_count
        }
        if answer.flags & HL_ANSWER_EXPIRES_AT != 0 {
            expires_at = expires_at == 0 ? answer.expires_at : min(expires_at, answer.expires_at)
        }
        if answer.flags & HL_ANSWER_MOUNT_POINT != 0 { mount_point = answer.mount_point }
    }
}
