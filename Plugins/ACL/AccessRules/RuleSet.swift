package import PluginSDK

/// A compiled rule file: immutable, shared by all event loops at once. A decision walks only the rules that name this
/// client (its user, its id, its groups, its address, ..., everybody) and of those only the branches its topic can
/// take, so rules about others cost nothing. It neither allocates nor locks.
///
/// The rules of each audience form one tree per action. A topic filter takes the same way through a tree as a topic:
/// `+` and `#` of the request match only themselves, which is what "a filter covers a filter" means.
package final class RuleSet: FileContent {
    /// One level of a tree. Lines are those of the earliest rule; 0 = none.
    struct Node {
        /// Child for `+`; 0 = none.
        var anyLevel: UInt32 = 0
        /// Children whose level holds a placeholder.
        var templates: Range<UInt32> = 0..<0
        /// A filter that ends here.
        var here = Lines()
        /// A filter that ends here with `#`: this level and everything below it.
        var below = Lines()
    }

    struct Lines {
        var allow: UInt32 = 0
        var deny: UInt32 = 0

        mutating func add(_ other: Lines) {
            allow = Self.earlier(allow, other.allow)
            deny = Self.earlier(deny, other.deny)
        }

        private static func earlier(_ a: UInt32, _ b: UInt32) -> UInt32 {
            if a == 0 { return b }
            return b == 0 ? a : min(a, b)
        }
    }

    struct Template {
        let parts: [RuleFilter.Part]
        let child: UInt32
    }

    /// The rules of one audience: found by one of its conditions, valid when the others hold too.
    struct Member {
        /// Root of the tree for publish; the next nodes are the ones for the other actions.
        let root: UInt32
        /// Of `requirements`.
        let others: Range<UInt32>
    }

    /// A condition, with sets as nodes of the edge table: a name is in the set when the node has an edge of that name.
    enum Requirement {
        case name(Audience.Property, UInt32)
        case group(names: UInt32, members: UInt32)
        case address(UInt32)
        case qos(UInt8)
        case retain(Bool)
    }

    /// Nodes of the edge table that are no tree: what a rule can be found by. Numbers up to 5 are those of
    /// `Audience.Property`. Their edges lead to `lists`.
    enum Directory {
        static let group: UInt32 = 6
        /// Users whom the rule file puts into groups.
        static let groupMember: UInt32 = 7
        static let address: UInt32 = 8
        static let count = 8
    }

    /// What is being decided, apart from whom it is about.
    private struct Question: ~Escapable {
        let action: Action
        let name: Span<UInt8>
        let traits: MessageTraits
        var lines = Lines()
        var dependsOnTraits = false

        @_lifetime(copy name)
        init(_ action: Action, _ name: Span<UInt8>, _ traits: MessageTraits) {
            self.action = action
            self.name = name
            self.traits = traits
        }
    }

    /// Number of rules in the file.
    package let count: Int
    /// Whether any rule is about addresses: only then does a subject need one.
    package let asksForAddresses: Bool
    private let defaults: [Effect]
    private let fileName: String
    private let nodes: [Node]
    private let templates: [Template]
    private let edges: EdgeTable
    private let addresses: AddressTable
    private let requirements: [Requirement]
    /// Members that are found together stand together: `everybody` first, then list by list.
    private let members: [Member]
    private let everybody: Range<UInt32>
    /// Ranges of `members`, by an edge's child minus one.
    private let lists: [Range<UInt32>]
    /// Directories that have entries: only those are looked into.
    private let properties: [Audience.Property]
    private let hasGroups: Bool

    package static let sizeLimit = RuleFile.maximumBytes

    package convenience init(_ bytes: [UInt8], file: String) throws(FileRefusal) {
        do throws(RuleFileErrors) {
            try self.init(bytes, name: file)
        } catch {
            throw FileRefusal(error.all.map(\.description))
        }
    }

    /// - Parameters:
    ///   - bytes: the file's content.
    ///   - name: the file's name, for messages and the names of the rules.
    package convenience init(_ bytes: [UInt8], name: String) throws(RuleFileErrors) {
        self.init(try RuleFile(bytes, name: name), name: name)
    }

    init(_ file: RuleFile, name: String) {
        var builder = RuleSetBuilder(file.rules)
        count = file.count
        defaults = Action.allCases.map { file.defaults[$0] ?? .deny }
        fileName = name
        templates = builder.flattenTemplates()
        (members, everybody, lists) = builder.flattenMembers()
        nodes = builder.nodes
        edges = builder.edges
        addresses = builder.addresses
        requirements = builder.requirements
        asksForAddresses = !addresses.isEmpty
        properties = Audience.Property.allCases.filter { builder.usedDirectories.contains($0.rawValue) }
        hasGroups = builder.usedDirectories.contains(Directory.group)
    }

    /// Decides whether `subject` may publish to, subscribe to or be sent `name`.
    /// - Parameters:
    ///   - name: a topic; for a subscription its filter, of a shared one without `$share/<group>/`.
    ///     A filter is denied when one denied filter covers it, and allowed when one allowed filter covers it.
    ///   - traits: of the message, or the QoS asked for.
    package func decide(
        _ action: Action, _ name: Span<UInt8>, _ traits: MessageTraits, by subject: borrowing Subject
    ) -> Decision {
        var question = Question(action, name, traits)
        collect(everybody, &question, subject)
        for property in properties {
            collect(property.rawValue, subject.value(of: property), &question, subject)
        }
        if hasGroups {
            if !subject.user.isEmpty { collect(Directory.groupMember, subject.user, &question, subject) }
            for index in 0..<subject.groups.count {
                collect(Directory.group, subject.groups[index], &question, subject)
            }
        }
        if let address = subject.address {
            for length in addresses.prefixes {
                guard let entry = addresses.entry(of: Directory.address, address, prefix: length) else { continue }
                collect(lists[Int(entry) - 1], &question, subject)
            }
        }
        let lines = question.lines
        let (effect, line): (Effect, Int?) =
            if lines.deny != 0 { (.deny, Int(lines.deny)) } else if lines.allow != 0 { (.allow, Int(lines.allow)) } else
            {
                (defaults[Int(action.rawValue)], nil)
            }
        return Decision(effect: effect, line: line, dependsOnTraits: question.dependsOnTraits)
    }

    package var summary: String { count == 1 ? "1 rule" : "\(count) rules" }

    /// "acl.yaml:9", or "acl.yaml:default" when no rule applied.
    package func name(of decision: Decision) -> String {
        "\(fileName):\(decision.line.map(String.init) ?? "default")"
    }

    private func collect(
        _ directory: UInt32, _ key: Span<UInt8>, _ question: inout Question, _ subject: borrowing Subject
    ) {
        guard let entry = edges.child(of: directory, named: key) else { return }
        collect(lists[Int(entry) - 1], &question, subject)
    }

    private func collect(_ range: Range<UInt32>, _ question: inout Question, _ subject: borrowing Subject) {
        for index in range {
            let member = members[Int(index)]
            guard meets(member.others, &question, subject) else { continue }
            let root = member.root + UInt32(question.action.rawValue)
            walk(root, question.name, from: 0, subject, &question.lines)
        }
    }

    private func meets(
        _ others: Range<UInt32>, _ question: inout Question, _ subject: borrowing Subject
    ) -> Bool {
        for index in others {
            switch requirements[Int(index)] {
            case .name(let property, let names):
                guard edges.child(of: names, named: subject.value(of: property)) != nil else { return false }
            case .group(let names, let members):
                guard isInGroup(names, members, subject) else { return false }
            case .address(let ranges):
                guard let address = subject.address, addresses.contains(address, in: ranges) else { return false }
            case .qos(let mask):
                question.dependsOnTraits = true
                guard mask & (1 << question.traits.qos) != 0 else { return false }
            case .retain(let retain):
                question.dependsOnTraits = true
                guard retain == question.traits.retain else { return false }
            }
        }
        return true
    }

    private func isInGroup(_ names: UInt32, _ members: UInt32, _ subject: borrowing Subject) -> Bool {
        if !subject.user.isEmpty, edges.child(of: members, named: subject.user) != nil { return true }
        for index in 0..<subject.groups.count where edges.child(of: names, named: subject.groups[index]) != nil {
            return true
        }
        return false
    }

    /// - Parameter start: where the next level begins; one past the end of `name` when all levels are consumed.
    private func walk(
        _ index: UInt32, _ name: Span<UInt8>, from start: Int, _ subject: borrowing Subject, _ lines: inout Lines
    ) {
        let node = nodes[Int(index)]
        // A wildcard at the first level does not reach topics that begin with '$' [MQTT-4.7.2-1].
        let wildcardsApply = start > 0 || name.isEmpty || name[0] != UInt8(ascii: "$")
        if wildcardsApply { lines.add(node.below) }
        guard start <= name.count else {
            lines.add(node.here)
            return
        }
        var end = start
        while end < name.count, name[end] != UInt8(ascii: "/") { end += 1 }
        let level = name.extracting(start..<end)
        let isWildcard = level.count == 1 && (level[0] == UInt8(ascii: "+") || level[0] == UInt8(ascii: "#"))
        if isWildcard, level[0] == UInt8(ascii: "#") { return }  // Only `#` covers `#`.
        if node.anyLevel != 0, wildcardsApply { walk(node.anyLevel, name, from: end + 1, subject, &lines) }
        if isWildcard { return }  // Only `+` and `#` cover `+`.
        if let child = edges.child(of: index, named: level) { walk(child, name, from: end + 1, subject, &lines) }
        for position in node.templates {
            let template = templates[Int(position)]
            if PlaceholderMatch.matches(template.parts, level, atFirstLevel: start == 0, subject) {
                walk(template.child, name, from: end + 1, subject, &lines)
            }
        }
    }
}
