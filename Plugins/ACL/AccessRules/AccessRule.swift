/// What happens to a topic at the broker's door.
package enum Action: UInt8, CaseIterable, Sendable {
    case publish
    /// Asking for a subscription; the name is a topic filter.
    case subscribe
    /// Being sent a message.
    case deliver
}

/// What a rule, or the default, says.
package enum Effect: UInt8, Sendable {
    case allow
    case deny
}

/// One entry of a rule file: whom it is about, and what it allows or denies.
struct AccessRule: Equatable, Sendable {
    /// One filter of the rule for one action.
    struct Clause: Equatable, Sendable {
        let action: Action
        let effect: Effect
        let filter: RuleFilter
    }

    /// Line of the rule file, from 1: the rule's name in logs and explanations.
    let line: Int
    let audience: Audience
    let clauses: [Clause]
}

/// Whom a rule is about: a client that fulfils every condition. No condition means everybody, anonymous clients too.
struct Audience: Hashable, Sendable {
    /// A condition on one property, fulfilled by one of several values.
    enum Condition: Hashable, Sendable {
        case names(Property, Set<[UInt8]>)
        /// `members`: users whom the rule file puts into one of the groups; they need not be in it by their log-in.
        case groups(Set<[UInt8]>, members: Set<[UInt8]>)
        case addresses(Set<AddressRange>)
        /// Bit n for QoS n.
        case qos(UInt8)
        case retain(Bool)
    }

    /// What a client is called by, one value each. The user name of an anonymous client is empty.
    enum Property: UInt32, CaseIterable, Sendable {
        case user = 1
        case client
        case certificate
        case account
        case listener
    }

    /// At most one for each property.
    let conditions: [Condition]
}

/// What a message is, as far as rules ask. It is known when one is published; a subscription has a QoS only.
package struct MessageTraits: Equatable, Sendable {
    package var qos: UInt8
    package var retain: Bool

    package init(qos: UInt8, retain: Bool = false) {
        self.qos = qos
        self.retain = retain
    }
}

/// The answer, and the rule that gave it.
package struct Decision: Equatable, Sendable {
    package let effect: Effect
    /// Line of the rule; `nil` when no rule applied and the default decided.
    package let line: Int?
    /// The answer may be another one for another QoS or retain flag, so it must not be remembered for all of them.
    package var dependsOnTraits = false

    package init(effect: Effect, line: Int?, dependsOnTraits: Bool = false) {
        self.effect = effect
        self.line = line
        self.dependsOnTraits = dependsOnTraits
    }
}
