import BrokerCore
import PluginABI

/// A plugin with an opinion on every hook that may answer later. What it thinks follows from the content alone, so that
/// steps can be left out of a run without changing it: topics that begin with `x` are refused.
final class SlowPlugin {
    /// Questions it will answer later.
    struct Question {
        let token: UInt64
        let verdict: UInt32
    }

    var questions: [Question] = []
    private let percent: UInt64
    private let handle: UnsafeMutablePointer<hl_self>
    private static let hooks = [
        HL_HOOK_AUTH_CONNECT, HL_HOOK_ACL_PUBLISH, HL_HOOK_ACL_SUBSCRIBE, HL_HOOK_MSG_IN,
    ]

    init(percent: Int) {
        self.percent = UInt64(percent)
        handle = .allocate(capacity: 1)
        handle.initialize(to: hl_self())
    }

    deinit { handle.deallocate() }

    func table(deadline: Int64) -> HookTable {
        let instance = HookInstance(
            number: 1, name: "slow", generation: 1, handle: handle, state: Unmanaged.passUnretained(self).toOpaque(),
            onCancel: { _, _ in HL_OK }, submit: { _ in false }, eventsReady: {})
        var interest = HookInterest()
        interest.mayPend = true
        interest.deadline = deadline
        let function:
            @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<hl_call>?, UnsafeRawPointer?) -> UInt32 = {
                state, call, input in
                guard let state, let call, let input else { return HL_ERROR }
                return Unmanaged<SlowPlugin>.fromOpaque(state).takeUnretainedValue().answer(call, input)
            }
        return HookTable(
            generation: 1,
            entries: Self.hooks.map {
                HookEntry(
                    hook: $0, function: unsafeBitCast(function, to: hl_hook_fn.self), instance: instance,
                    interest: interest)
            })
    }

    private func answer(_ call: UnsafeMutablePointer<hl_call>, _ input: UnsafeRawPointer) -> UInt32 {
        let hook = call.pointee.hook
        let (verdict, salt) = opinion(hook, input)
        guard salt % 100 < percent else { return verdict }
        let token = call.pointee.api.pointee.pend(call)
        guard token != 0 else { return verdict }
        questions.append(Question(token: token, verdict: verdict))
        return HL_PENDING
    }

    private func opinion(_ hook: UInt32, _ input: UnsafeRawPointer) -> (verdict: UInt32, salt: UInt64) {
        func salt(_ view: hl_view) -> UInt64 {
            view.bytes.reduce(UInt64(hook)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 } >> 7
        }
        func isForbidden(_ view: hl_view) -> Bool { view.bytes.first == UInt8(ascii: "x") }
        switch hook {
        case HL_HOOK_AUTH_CONNECT:
            return (HL_ALLOW, salt(input.load(as: hl_connect.self).client_id))
        case HL_HOOK_ACL_PUBLISH:
            let message = input.load(as: hl_msg.self)
            return (isForbidden(message.topic) ? HL_DENY : HL_ALLOW, salt(message.payload))
        case HL_HOOK_ACL_SUBSCRIBE:
            let filter = input.load(as: hl_subscribe.self).filter
            return (isForbidden(filter) ? HL_DENY : HL_ALLOW, salt(filter))
        default:
            return (HL_ABSTAIN, salt(input.load(as: hl_msg.self).payload))
        }
    }
}
