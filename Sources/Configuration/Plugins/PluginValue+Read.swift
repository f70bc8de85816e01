import PositionedYAML

extension PluginValue {
    /// Reads a node as a declared type.
    static func read(
        _ node: YAMLNode, as type: DeclaredKey.ValueType, paths: PathBase
    ) throws(ValueProblem) -> PluginValue {
        switch type {
        case .any: return .tree(node)
        case .list:
            guard node.elements != nil else { throw .wrongShape(found: node.summary, expected: "a list") }
            return .tree(node)
        case .map:
            guard node.entries != nil else { throw .wrongShape(found: node.summary, expected: "a mapping") }
            return .tree(node)
        case .text, .boolean, .integer, .number, .duration, .size, .path, .topic, .filter, .secret: break
        }
        let text = try node.scalarText(expected: type.phrase)
        switch type {
        case .boolean: return .boolean(try BooleanText.parse(text))
        case .integer:
            guard let value = Int64(text) else { throw .notAnInteger(text) }
            return .integer(value)
        case .number:
            guard let value = Double(text), value.isFinite else { throw .notANumber(text) }
            return .number(value)
        case .duration: return .duration(try DurationText.parse(text))
        case .size: return .size(try ByteSize.parse(text))
        case .path: return .path(paths.resolve(text, at: node.position))
        case .topic:
            try TopicText.checkTopic(text)
            return .topic(text)
        case .filter:
            try TopicText.checkFilter(text)
            return .filter(text)
        case .secret: return .secret(text)
        case .text, .list, .map, .any: return .text(text)
        }
    }
}

extension DeclaredKey.ValueType {
    /// "expected ..."
    fileprivate var phrase: String {
        switch self {
        case .text, .secret: "text"
        case .boolean: "true or false"
        case .integer: "a whole number"
        case .number: "a number"
        case .duration: "a duration"
        case .size: "a size"
        case .path: "a path"
        case .topic: "a topic"
        case .filter: "a topic filter"
        case .list: "a list"
        case .map: "a mapping"
        case .any: "a value"
        }
    }
}
