internal import PluginSDK

/// A compiled rule file: immutable, shared by all event loops at once. A decision walks only the rules that name this
/// client (its user, its id, its groups, everybody) and of those only the branches its topic can take, so rules about
/// others cost nothing. It neither allocates nor locks.
///
/// The rules of each audience form one tree per action. A topic filter takes the same way through a tree as a topic:
/// `+` and `#` of the request match only themselves, which is what "a filter covers a filter" means.
final class RuleSet: FileContent {
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

    /// The rules of one audience: found by its first condition, valid when the others hold too.
    struct Member {
        /// Root of the tree for publish; the next node is the one for subscribe.
        let root: UInt32
        let second: Requirement?
        let third: Requirement?
    }

    /// The subject's value of `kind` must be the name of an edge of `names`, or its user that of one of `members`.
    struct Requirement {
        let kind: Audience.Condition.Kind
        let names: UInt32
        let members: UInt32
    }

    /// Nodes of the edge table that are no tree: what a rule can be found by. Their edges lead to `membersByName`.
    enum Directory: UInt32, CaseIterable {
        case user = 1
        case client
        case group
        /// Users whom the rule file puts into groups.
        case groupMember
    }

    /// Number of rules in the file.
    let count: Int
    let defaultEffect: Effect
    private let fileName: String
    private let nodes: [Node]
    private let templates: [Template]
    private let edges: EdgeTable
    private let everybody: [Member]
    /// What a name of a directory leads to, by its edge's child minus one.
    private let membersByName: [[Member]]

    static let sizeLimit = RuleFile.maximumBytes

    convenience init(_ bytes: [UInt8], file: String) throws(FileRefusal) {
        do throws(RuleFileErrors) {
            self.init(try RuleFile(bytes, name: file), name: file)
        } catch {
            throw FileRefusal(error.all.map(\.description))
        }
    }

    /// - Parameter name: the file's name, for the names of the rules.
    init(_ file: RuleFile, name: String) {
        var builder = RuleSetBuilder()
        for rule in file.rules { builder.add(rule) }
        count = file.rules.count
        defaultEffect = file.defaultEffect
        fileName = name
        templates = builder.flattenTemplates()
        nodes = builder.nodes
        edges = builder.edges
        everybody = builder.everybody
        membersByName = builder.membersByName
    }

    /// Decides whether `subject` may publish to, subscribe to or be sent `name`.
    /// - Parameter name: a topic; for a subscription its filter, of a shared one without `$share/<group>/`.
    ///   A filter is denied when one denied filter covers it, and allowed when one allowed filter covers it.
    func decide(_ action: Action, _ name: Span<UInt8>, by subject: borrowing Subject) -> Decision {
        var lines = Lines()
        collect(everybody, action, name, subject, &lines)
        if !subject.user.isEmpty {
            collect(.user, subject.user, action, name, subject, &lines)
            collect(.groupMember, subject.user, action, name, subject, &lines)
        }
        collect(.client, subject.client, action, name, subject, &lines)
        for index in 0..<subject.groups.count {
            collect(.group, subject.groups[index], action, name, subject, &lines)
        }
        if lines.deny != 0 { return Decision(effect: .deny, line: Int(lines.deny)) }
        if lines.allow != 0 { return Decision(effect: .allow, line: Int(lines.allow)) }
        return Decision(effect: defaultEffect, line: nil)
    }

    var summary: String { count == 1 ? "1 rule" : "\(count) rules" }

    /// "acl.yaml:9", or "acl.yaml:default" when no rule applied.
    func name(of decision: Decision) -> String {
        "\(fileName):\(decision.line.map(String.init) ?? "default")"
    }

    private func collect(
        _ directory: Directory, _ key: Span<UInt8>, _ action: Action, _ name: Span<UInt8>,
        _ subject: borrowing Subject, _ lines: inout Lines
    ) {
        guard let entry = edges.child(of: directory.rawValue, named: key) else { return }
        collect(membersByName[Int(entry) - 1], action, name, subject, &lines)
    }

    private func collect(
        _ members: [Member], _ action: Action, _ name: Span<UInt8>, _ subject: borrowing Subject, _ lines: inout Lines
    ) {
        for member in members where meets(member.second, subject) && meets(member.third, subject) {
            walk(member.root + UInt32(action.rawValue), name, from: 0, subject, &lines)
        }
    }

    private func meets(_ requirement: Requirement?, _ subject: borrowing Subject) -> Bool {
        guard let requirement else { return true }
        return switch requirement.kind {
        case .user: edges.child(of: requirement.names, named: subject.user) != nil
        case .client: edges.child(of: requirement.names, named: subject.client) != nil
        case .group: isInGroup(requirement, subject)
        }
    }

    private func isInGroup(_ requirement: Requirement, _ subject: borrowing Subject) -> Bool {
        if edges.child(of: requirement.members, named: subject.user) != nil { return true }
        for index in 0..<subject.groups.count
        where edges.child(of: requirement.names, named: subject.groups[index]) != nil {
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
