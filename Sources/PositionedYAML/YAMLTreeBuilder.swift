/// Builds the tree from parser events. Depth is bounded by the limits, and so is the recursion here.
struct YAMLTreeBuilder: ~Copyable {
    private var events: UnsafeYAMLEvents
    private let file: String
    private let limits: YAMLLimits
    private var nodeCount = 0
    /// What is wrong but does not stop the reading.
    private(set) var errors: [YAMLError] = []

    init(events: consuming UnsafeYAMLEvents, file: String, limits: YAMLLimits) {
        self.events = events
        self.file = file
        self.limits = limits
    }

    mutating func document() throws(YAMLError) -> YAMLNode {
        var root: YAMLNode?
        while true {
            let event = try events.next()
            switch event.kind {
            case .streamStart, .documentEnd: continue
            case .streamEnd:
                return root ?? YAMLNode(.scalar("", .plain), at: .init(file: file, line: 1, column: 1))
            case .documentStart:
                guard root == nil else { throw YAMLError(.secondDocument, at: event.position) }
                root = try node(from: try events.next(), depth: 0)
            case .scalar, .alias, .sequenceStart, .sequenceEnd, .mappingStart, .mappingEnd:
                throw YAMLError(.syntax("a value outside of the document"), at: event.position)
            }
        }
    }

    private mutating func node(from event: YAMLEvent, depth: Int) throws(YAMLError) -> YAMLNode {
        nodeCount += 1
        guard nodeCount <= limits.maxNodes else {
            throw YAMLError(.tooManyNodes(limit: limits.maxNodes), at: event.position)
        }
        guard depth <= limits.maxDepth else { throw YAMLError(.tooDeep(limit: limits.maxDepth), at: event.position) }
        if let anchor = event.anchor { errors.append(YAMLError(.anchor(anchor), at: event.position)) }
        if let tag = event.tag { errors.append(YAMLError(.tag(tag), at: event.position)) }
        switch event.kind {
        case .scalar(let text, let style):
            return YAMLNode(.scalar(text, style), at: event.position)
        case .alias(let name):
            errors.append(YAMLError(.alias(name), at: event.position))
            return YAMLNode(.scalar("", .plain), at: event.position)
        case .sequenceStart: return try sequence(at: event.position, depth: depth)
        case .mappingStart: return try mapping(at: event.position, depth: depth)
        case .streamStart, .streamEnd, .documentStart, .documentEnd, .sequenceEnd, .mappingEnd:
            throw YAMLError(.syntax("a value is missing"), at: event.position)
        }
    }

    private mutating func sequence(at position: SourcePosition, depth: Int) throws(YAMLError) -> YAMLNode {
        var elements: [YAMLNode] = []
        while true {
            let event = try events.next()
            if case .sequenceEnd = event.kind { return YAMLNode(.sequence(elements), at: position) }
            elements.append(try node(from: event, depth: depth + 1))
        }
    }

    private mutating func mapping(at position: SourcePosition, depth: Int) throws(YAMLError) -> YAMLNode {
        var entries: [YAMLEntry] = []
        var seen: [String: SourcePosition] = [:]
        while true {
            let event = try events.next()
            if case .mappingEnd = event.kind { return YAMLNode(.mapping(entries), at: position) }
            let key = try node(from: event, depth: depth + 1)
            let value = try node(from: try events.next(), depth: depth + 1)
            guard case .scalar(let name, let style) = key.content, style != .plain || !key.isNull else {
                errors.append(YAMLError(.keyIsNotText, at: key.position))
                continue
            }
            if name == "<<", style == .plain {
                errors.append(YAMLError(.mergeKey, at: key.position))
            } else if let first = seen[name] {
                errors.append(YAMLError(.duplicateKey(name, first: first), at: key.position))
            } else {
                seen[name] = key.position
                entries.append(YAMLEntry(name: name, position: key.position, value: value))
            }
        }
    }
}
