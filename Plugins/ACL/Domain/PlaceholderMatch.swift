/// Compares a level that holds `%c` or `%u` with a level of a topic.
enum PlaceholderMatch {
    /// - Parameter atFirstLevel: a value may not make the first level begin with `$`: a client that calls itself `$SYS`
    ///   must not be given the broker's own topics by a rule about `%c/#`.
    static func matches(
        _ parts: [RuleFilter.Part], _ level: Span<UInt8>, atFirstLevel: Bool, _ subject: borrowing Subject
    ) -> Bool {
        var position = 0
        for part in parts {
            switch part {
            case .literal(let bytes):
                guard consume(bytes.span, from: level, at: &position) else { return false }
            case .client:
                guard isUsable(subject.client, opensTopic: atFirstLevel && position == 0),
                    consume(subject.client, from: level, at: &position)
                else { return false }
            case .user:
                guard isUsable(subject.user, opensTopic: atFirstLevel && position == 0),
                    consume(subject.user, from: level, at: &position)
                else { return false }
            }
        }
        return position == level.count
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

    private static func consume(_ expected: Span<UInt8>, from level: Span<UInt8>, at position: inout Int) -> Bool {
        guard expected.count <= level.count - position else { return false }
        for index in expected.indices where level[position + index] != expected[index] { return false }
        position += expected.count
        return true
    }
}
