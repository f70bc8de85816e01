import PluginABI

/// What msg.route made of the receivers of one message. Immutable; shared with other shards.
final class RouteEdits: Sendable {
    /// Clients that get the message at this QoS at most, subscribed or not.
    let added: [(clientID: [UInt8], qos: UInt8)]
    /// Clients that do not get it, whatever they have subscribed to.
    let removed: Set<[UInt8]>
    /// Nobody gets it.
    let dropsAll: Bool

    init(added: [(clientID: [UInt8], qos: UInt8)], removed: Set<[UInt8]>, dropsAll: Bool) {
        self.added = added
        self.removed = removed
        self.dropsAll = dropsAll
    }
}

/// Targets as `add_target` and `remove_target` collect them during one call.
struct RouteTargets {
    static let maximum = 256
    var added: [(clientID: [UInt8], qos: UInt8)] = []
    var removed: Set<[UInt8]> = []

    var isEmpty: Bool { added.isEmpty && removed.isEmpty }
}

extension HookDispatcher {
    /// msg.route: who gets the message beside, or in spite of, the subscriptions; nil: nothing changes. Never pends.
    func msgRoute(_ msg: UnsafePointer<hl_msg>, mask: UInt64, now: Int64) -> RouteEdits? {
        begin()
        var targets = RouteTargets()
        let facts = HookFacts(msg, mask: mask)
        let input = UnsafeRawPointer(msg)
        beginCalls()
        defer { endCalls() }
        for slot in compiled.chain(HL_HOOK_MSG_ROUTE).slots where slot.isInterested(facts) {
            prepareCall(slot, HL_HOOK_MSG_ROUTE, input, now: now)
            frame.targets = RouteTargets()
            switch slot.function(slot.state, frame.call, input) {
            case HL_ABSTAIN: break
            case HL_ALLOW:
                targets.added += frame.targets.added
                targets.removed.formUnion(frame.targets.removed)
            case HL_DROP: return RouteEdits(added: [], removed: [], dropsAll: true)
            default: slot.instance._withUnsafeGuaranteedRef { $0.countFailure(of: HL_HOOK_MSG_ROUTE) }
            }
        }
        guard !targets.isEmpty else { return nil }
        return RouteEdits(added: targets.added, removed: targets.removed, dropsAll: false)
    }
}
