import BrokerCore
import Configuration
import PluginABI

/// `hooks` of an entry of plugins.yaml: deadlines, failure verdicts and the meaning of an allow.
extension PluginEntry {
    /// What cannot be said about a hook, each with its place.
    func policyFaults() -> [ConfigurationError] {
        hooks.flatMap { policy in
            fault(policy).map { [ConfigurationError(.plugin(id: id, $0), at: policy.position)] } ?? []
        }
    }

    private func fault(_ policy: HookPolicy) -> String? {
        guard let hook = HookTraits.id(named: policy.hook) else {
            let nearest = NearestName.find(policy.hook, in: HookTraits.decidingNames)
            return "has a policy for '\(policy.hook)', which is no hook"
                + (nearest.map { "; nearest is '\($0)'" } ?? "; see docs/plugins.md for their names")
        }
        guard hook < 64 else { return "has a policy for '\(policy.hook)', but a notify hook decides nothing" }
        if policy.chain != nil, !HookTraits.hasChoiceOfChain(hook) {
            return "has 'policy' for '\(policy.hook)', whose chain is fixed; "
                + "it can be chosen for auth.connect, acl.subscribe, acl.publish and acl.deliver"
        }
        return nil
    }

    /// The registrations of the plugin as the entry wants them.
    func applyPolicies(_ registrations: [HookEntry]) -> [HookEntry] {
        guard !hooks.isEmpty else { return registrations }
        return registrations.map { registration in
            guard let policy = hooks.last(where: { HookTraits.id(named: $0.hook) == registration.hook }) else {
                return registration
            }
            var registration = registration
            if let deadline = policy.deadline { registration.interest.deadline = deadline.nanoseconds }
            switch policy.onFailure {
            case .deny: registration.onFailure = HL_DENY
            case .abstain: registration.onFailure = HL_ABSTAIN
            case nil: break
            }
            if let chain = policy.chain { registration.decidesAlone = chain == .firstDecides }
            return registration
        }
    }
}
