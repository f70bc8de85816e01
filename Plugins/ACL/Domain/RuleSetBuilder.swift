/// Grows the trees of a `RuleSet` rule by rule.
struct RuleSetBuilder {
    private(set) var nodes: [RuleSet.Node] = []
    private(set) var edges = EdgeTable()
    private(set) var everybody: [RuleSet.Member] = []
    private(set) var membersByName: [[RuleSet.Member]] = []
    private var members: [Audience: RuleSet.Member] = [:]
    private var templates: [UInt32: [RuleSet.Template]] = [:]
    private var templateChildren: [TemplateEdge: UInt32] = [:]

    private struct TemplateEdge: Hashable {
        let parent: UInt32
        let parts: [RuleFilter.Part]
    }

    init() {
        // Node 0 is nobody's child; the directories are keys of the edge table and carry no filters.
        nodes = Array(repeating: RuleSet.Node(), count: 1 + RuleSet.Directory.allCases.count)
    }

    mutating func add(_ rule: AccessRule) {
        let member = member(for: rule.audience)
        let line = UInt32(clamping: rule.line)
        for clause in rule.clauses {
            var lines = RuleSet.Lines()
            switch clause.effect {
            case .allow: lines.allow = line
            case .deny: lines.deny = line
            }
            add(clause.filter, lines, from: member.root + UInt32(clause.action.rawValue))
        }
    }

    /// The templates of all nodes in one array; called once, after the last rule.
    mutating func flattenTemplates() -> [RuleSet.Template] {
        var flat: [RuleSet.Template] = []
        for (node, group) in templates {
            nodes[Int(node)].templates = UInt32(flat.count)..<UInt32(flat.count + group.count)
            flat += group
        }
        return flat
    }

    private mutating func add(_ filter: RuleFilter, _ lines: RuleSet.Lines, from root: UInt32) {
        var node = root
        for level in filter.levels {
            switch level {
            case .anyBelow:
                nodes[Int(node)].below.add(lines)
                return
            case .anyLevel:
                if nodes[Int(node)].anyLevel == 0 { nodes[Int(node)].anyLevel = newNode() }
                node = nodes[Int(node)].anyLevel
            case .literal(let name):
                node = child(of: node, named: name)
            case .template(let parts):
                node = child(of: node, matching: parts)
            }
        }
        nodes[Int(node)].here.add(lines)
    }

    private mutating func child(of parent: UInt32, named name: [UInt8]) -> UInt32 {
        if let child = edges.child(of: parent, named: name.span) { return child }
        let child = newNode()
        edges.insert(child, of: parent, named: name)
        return child
    }

    private mutating func child(of parent: UInt32, matching parts: [RuleFilter.Part]) -> UInt32 {
        let edge = TemplateEdge(parent: parent, parts: parts)
        if let known = templateChildren[edge] { return known }
        let child = newNode()
        templateChildren[edge] = child
        templates[parent, default: []].append(RuleSet.Template(parts: parts, child: child))
        return child
    }

    private mutating func newNode() -> UInt32 {
        nodes.append(RuleSet.Node())
        return UInt32(nodes.count - 1)
    }

    private mutating func member(for audience: Audience) -> RuleSet.Member {
        if let known = members[audience] { return known }
        let root = newNode()
        for _ in Action.allCases.dropFirst() { _ = newNode() }
        let further = audience.conditions.dropFirst().map {
            RuleSet.Requirement(kind: $0.kind, names: set(of: $0.names), members: set(of: $0.members))
        }
        let member = RuleSet.Member(
            root: root, second: further.first, third: further.count > 1 ? further[1] : nil)
        members[audience] = member
        guard let first = audience.conditions.first else {
            everybody.append(member)
            return member
        }
        switch first.kind {
        case .user: enrol(member, under: .user, first.names)
        case .client: enrol(member, under: .client, first.names)
        case .group:
            enrol(member, under: .group, first.names)
            enrol(member, under: .groupMember, first.members)
        }
        return member
    }

    private mutating func enrol(_ member: RuleSet.Member, under directory: RuleSet.Directory, _ names: Set<[UInt8]>) {
        for name in names {
            if let entry = edges.child(of: directory.rawValue, named: name.span) {
                membersByName[Int(entry) - 1].append(member)
            } else {
                membersByName.append([member])
                edges.insert(UInt32(membersByName.count), of: directory.rawValue, named: name)
            }
        }
    }

    /// A node whose edges are the names of a set.
    private mutating func set(of names: Set<[UInt8]>) -> UInt32 {
        let node = newNode()
        for name in names { edges.insert(node, of: node, named: name) }
        return node
    }
}
