/// Compares a level that holds placeholders with a level of a topic.
enum PlaceholderMatch {
    /// - Parameter atFirstLevel: a value may not make the first level begin with `$`: a client that calls itself `$SYS`
    ///   must not be given the broker's own topics by a rule about `%c/#`.
    static func matches(
        _ parts: [RuleFilter.Part], _ level: Span<UInt8>, atFirstLevel: Bool, _ subject: borrowing Subject
    ) -> Bool {
        matches(parts, from: 0, level, at: 0, atFirstLevel: atFirstLevel, subject)
    }

    /// Recursion is bounded by the number of parts; only a claim with several values tries more than one way.
    private static func matches(
        _ parts: [RuleFilter.Part], from part: Int, _ level: Span<UInt8>, at position: Int, atFirstLevel: Bool,
        _ subject: borrowing Subject
    ) -> Bool {
        guard part < parts.count else { return position == level.count }
        switch parts[part] {
        case .literal(let bytes):
            return stands(bytes.span, in: level, at: position)
                && matches(
                    parts, from: part + 1, level, at: position + bytes.count, atFirstLevel: atFirstLevel, subject)
        case .client: return value(subject.client, parts, part, level, position, atFirstLevel, subject)
        case .user: return value(subject.user, parts, part, level, position, atFirstLevel, subject)
        case .account: return value(subject.account, parts, part, level, position, atFirstLevel, subject)
        case .claim(let name):
            for index in 0..<subject.groups.count {
                let group = subject.groups[index]
                guard group.count > name.count, group[name.count] == UInt8(ascii: "="),
                    stands(name.span, in: group, at: 0)
                else { continue }
                let claim = group.extracting((name.count + 1)..<group.count)
                if value(claim, parts, part, level, position, atFirstLevel, subject) { return true }
            }
            return false
        }
    }

    /// Whether `value` stands at `position` for part number `part`, and the other parts behind it.
    private static func value(
        _ value: Span<UInt8>, _ parts: [RuleFilter.Part], _ part: Int, _ level: Span<UInt8>, _ position: Int,
        _ atFirstLevel: Bool, _ subject: borrowing Subject
    ) -> Bool {
        isUsable(value, opensTopic: atFirstLevel && position == 0) && stands(value, in: level, at: position)
            && matches(parts, from: part + 1, level, at: position + value.count, atFirstLevel: atFirstLevel, subject)
    }

    /// A value that is missing or could change the meaning of a filter stands for nothing.
    private static func isUsable(_ value: Span<UInt8>, opensTopic: Bool) -> Bool {
        guard !value.isEmpty else { return false }
        if opensTopic, value[0] == UInt8(ascii: "$") { return false }
        for index in value.indices {
            switch value[index] {
            case UInt8(ascii: "+"), UInt8(ascii: "#"), UInt8(ascii: "/"), 0: return false
            default: continue
            }
        }
        return true
    }

    private static func stands(_ expected: Span<UInt8>, in level: Span<UInt8>, at position: Int) -> Bool {
        guard expected.count <= level.count - position else { return false }
        for index in expected.indices where level[position + index] != expected[index] { return false }
        return true
    }
}
