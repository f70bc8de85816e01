/// Grows the trees of a `RuleSet` rule by rule.
struct RuleSetBuilder {
    private(set) var nodes: [RuleSet.Node] = []
    private(set) var edges = EdgeTable()
    private(set) var addresses = AddressTable()
    private(set) var requirements: [RuleSet.Requirement] = []
    private(set) var usedDirectories: Set<UInt32> = []
    private var everybody: [RuleSet.Member] = []
    private var lists: [[RuleSet.Member]] = []
    private var roots: [Audience: UInt32] = [:]
    /// In the order of the file, so that the same file gives the same rule set.
    private var audiences: [Audience] = []
    private var templates: [UInt32: [RuleSet.Template]] = [:]
    private var templateChildren: [TemplateEdge: UInt32] = [:]

    private struct TemplateEdge: Hashable {
        let parent: UInt32
        let parts: [RuleFilter.Part]
    }

    /// A place where members can be found: an edge of a directory, or an address range.
    private enum Place: Hashable {
        case name(directory: UInt32, [UInt8])
        case range(AddressRange)
    }

    init(_ rules: [AccessRule]) {
        // Node 0 is nobody's child; the directories are keys of the edge table and carry no filters.
        nodes = Array(repeating: RuleSet.Node(), count: 1 + RuleSet.Directory.count)
        for rule in rules { add(rule) }
        enrolAll()
    }

    private mutating func add(_ rule: AccessRule) {
        let root = root(for: rule.audience)
        let line = UInt32(clamping: rule.line)
        for clause in rule.clauses {
            var lines = RuleSet.Lines()
            switch clause.effect {
            case .allow: lines.allow = line
            case .deny: lines.deny = line
            }
            add(clause.filter, lines, from: root + UInt32(clause.action.rawValue))
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

    /// All members in one array, and where in it everybody's and those of each list stand.
    func flattenMembers() -> (members: [RuleSet.Member], everybody: Range<UInt32>, lists: [Range<UInt32>]) {
        var flat = everybody
        var ranges: [Range<UInt32>] = []
        for list in lists {
            ranges.append(UInt32(flat.count)..<UInt32(flat.count + list.count))
            flat += list
        }
        return (flat, 0..<UInt32(everybody.count), ranges)
    }

    private mutating func add(_ filter: RuleFilter, _ lines: RuleSet.Lines, from root: UInt32) {
        var node = root
        for level in filter.levels {
            switch level {
            case .anyBelow:
                nodes[Int(node)].below.add(lines)
                return
            case .anyLevel:
                if nodes[Int(node)].anyLevel == 0 {
                    let child = newNode()
                    nodes[Int(node)].anyLevel = child
                }
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

    /// The tree of `publish`; those of the other actions follow it.
    private mutating func root(for audience: Audience) -> UInt32 {
        if let known = roots[audience] { return known }
        let root = newNode()
        for _ in Action.allCases.dropFirst() { _ = newNode() }
        roots[audience] = root
        audiences.append(audience)
        return root
    }

    // MARK: Finding audiences

    /// Makes each audience findable by one of its conditions: the one whose fullest place is the emptiest. Ten thousand
    /// rules about one group and one client each are found by the client.
    private mutating func enrolAll() {
        var crowds: [Place: Int] = [:]
        for audience in audiences {
            for place in audience.conditions.flatMap(Self.places) { crowds[place, default: 0] += 1 }
        }
        for audience in audiences {
            guard let root = roots[audience] else { continue }
            let candidates = audience.conditions.indices.filter { Self.canFind(by: audience.conditions[$0]) }
            let anchor = candidates.min { left, right in
                let crowd = { (index: Int) in
                    Self.places(of: audience.conditions[index]).map { crowds[$0] ?? 0 }.max() ?? 0
                }
                return crowd(left) < crowd(right)
            }
            let start = UInt32(requirements.count)
            for (index, condition) in audience.conditions.enumerated() where index != anchor {
                let requirement = requirement(of: condition)
                requirements.append(requirement)
            }
            let member = RuleSet.Member(root: root, others: start..<UInt32(requirements.count))
            guard let anchor else {
                everybody.append(member)
                continue
            }
            for place in Self.places(of: audience.conditions[anchor]) { enrol(member, at: place) }
        }
    }

    /// What a message is belongs to no directory: there are few of them, and each rule is looked at.
    private static func canFind(by condition: Audience.Condition) -> Bool {
        switch condition {
        case .names, .groups, .addresses: true
        case .qos, .retain: false
        }
    }

    private static func places(of condition: Audience.Condition) -> [Place] {
        switch condition {
        case .names(let property, let names):
            names.map { .name(directory: property.rawValue, $0) }
        case .groups(let names, let members):
            names.map { .name(directory: RuleSet.Directory.group, $0) }
                + members.map { .name(directory: RuleSet.Directory.groupMember, $0) }
        case .addresses(let ranges): ranges.map { .range($0) }
        case .qos, .retain: []
        }
    }

    private mutating func enrol(_ member: RuleSet.Member, at place: Place) {
        switch place {
        case .name(let directory, let name):
            usedDirectories.insert(directory)
            if let entry = edges.child(of: directory, named: name.span) {
                lists[Int(entry) - 1].append(member)
            } else {
                lists.append([member])
                edges.insert(UInt32(lists.count), of: directory, named: name)
            }
        case .range(let range):
            if let entry = addresses.entry(of: RuleSet.Directory.address, range) {
                lists[Int(entry) - 1].append(member)
            } else {
                lists.append([member])
                addresses.insert(UInt32(lists.count), of: RuleSet.Directory.address, range)
            }
        }
    }

    private mutating func requirement(of condition: Audience.Condition) -> RuleSet.Requirement {
        switch condition {
        case .names(let property, let names): return .name(property, set(of: names))
        case .groups(let names, let members): return .group(names: set(of: names), members: set(of: members))
        case .addresses(let ranges):
            let node = newNode()
            for range in ranges { addresses.insert(node, of: node, range) }
            return .address(node)
        case .qos(let mask): return .qos(mask)
        case .retain(let retain): return .retain(retain)
        }
    }

    /// A node whose edges are the names of a set.
    private mutating func set(of names: Set<[UInt8]>) -> UInt32 {
        let node = newNode()
        for name in names { edges.insert(node, of: node, named: name) }
        return node
    }
}
