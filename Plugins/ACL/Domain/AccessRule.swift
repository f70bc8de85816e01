/// What a client wants to do with a topic. Delivery is decided by the `subscribe` rules, topic by topic.
enum Action: UInt8, CaseIterable, Sendable {
    case publish
    case subscribe
}

enum Effect: UInt8, Sendable {
    case allow
    case deny
}

/// One entry of the rule file: whom it is about, and what it allows or denies.
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
    /// Fulfilled when the client's value of `kind`, or one of its groups, is one of `names`.
    struct Condition: Hashable, Sendable {
        enum Kind: UInt8, CaseIterable, Sendable {
            case user
            case client
            case group
        }

        let kind: Kind
        let names: Set<[UInt8]>
        /// For groups: the users whom the rule file puts into one of them; they need not be in it by their log-in.
        var members: Set<[UInt8]> = []
    }

    /// At most one of each kind, in the order of `Kind`: the first is the one the rule is found by.
    let conditions: [Condition]
}

/// The answer, and the rule that gave it.
struct Decision: Equatable, Sendable {
    let effect: Effect
    /// Line of the rule; `nil` when no rule applied and the default decided.
    let line: Int?
}
