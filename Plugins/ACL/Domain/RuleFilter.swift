/// One topic filter of an access rule: an MQTT topic filter whose levels may hold the placeholders `%c` (client id) and
/// `%u` (user name), as a whole level or as part of one. `%%` is a percent sign.
struct RuleFilter: Equatable, Sendable {
    /// What one level of the filter accepts.
    enum Level: Equatable, Sendable {
        case literal([UInt8])
        case template([Part])
        /// `+`
        case anyLevel
        /// `#`: this level's parent and everything below it.
        case anyBelow
    }

    /// A piece of a level that holds a placeholder.
    enum Part: Hashable, Sendable {
        case literal([UInt8])
        case client
        case user
    }

    /// Bounds the depth of the compiled tree, and with it the recursion of a decision.
    static let maximumLevels = 128

    /// Never empty; `.anyBelow` stands last or not at all [MQTT-4.7.1-1].
    let levels: [Level]

    /// - Parameter text: the filter as written in the rule file.
    init(_ text: String) throws(RuleFilterError) {
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty else { throw .empty }
        guard bytes.count <= 65_535 else { throw .tooLong(text) }
        guard !bytes.contains(0) else { throw .containsNUL(text) }
        guard !text.hasPrefix("$share/") else { throw .shared(text) }

        let names = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard names.count <= Self.maximumLevels else { throw .tooDeep(text, levels: names.count) }
        var levels: [Level] = []
        levels.reserveCapacity(names.count)
        for (index, name) in names.enumerated() {
            levels.append(try Self.level(name, isLast: index == names.count - 1, of: text))
        }
        // "+/#" and "#" accept the same topics (none has fewer than one level); one spelling keeps "covers" exact.
        if levels == [.anyLevel, .anyBelow] { levels = [.anyBelow] }
        self.levels = levels
    }

    private static func level(
        _ name: ArraySlice<UInt8>, isLast: Bool, of text: String
    ) throws(RuleFilterError) -> Level {
        if name.elementsEqual("#".utf8) {
            guard isLast else { throw .hashNotLast(text) }
            return .anyBelow
        }
        if name.elementsEqual("+".utf8) { return .anyLevel }
        guard !name.contains(UInt8(ascii: "#")) else { throw .hashInsideLevel(text) }
        guard !name.contains(UInt8(ascii: "+")) else { throw .plusInsideLevel(text) }

        let parts = try Self.parts(name, of: text)
        switch parts.count {
        case 0: return .literal([])
        case 1:
            if case .literal(let bytes) = parts[0] { return .literal(bytes) }
            return .template(parts)
        default: return .template(parts)
        }
    }

    /// Neighbouring literals are joined, so a level without placeholder is one part or none.
    private static func parts(_ name: ArraySlice<UInt8>, of text: String) throws(RuleFilterError) -> [Part] {
        var parts: [Part] = []
        var literal: [UInt8] = []
        func flush() {
            if !literal.isEmpty { parts.append(.literal(literal)) }
            literal = []
        }
        var index = name.startIndex
        while index < name.endIndex {
            guard name[index] == UInt8(ascii: "%") else {
                literal.append(name[index])
                index += 1
                continue
            }
            switch index + 1 < name.endIndex ? name[index + 1] : 0 {
            case UInt8(ascii: "%"): literal.append(UInt8(ascii: "%"))
            case UInt8(ascii: "c"):
                flush()
                parts.append(.client)
            case UInt8(ascii: "u"):
                flush()
                parts.append(.user)
            default: throw .unknownPlaceholder(text)
            }
            index += 2
        }
        flush()
        return parts
    }
}

/// Why a text is not a filter of a rule. The sentences complete "filter '...': ".
enum RuleFilterError: Error, Equatable {
    case empty
    case tooLong(String)
    case tooDeep(String, levels: Int)
    case containsNUL(String)
    case shared(String)
    case hashNotLast(String)
    case hashInsideLevel(String)
    case plusInsideLevel(String)
    case unknownPlaceholder(String)

    var message: String {
        switch self {
        case .empty:
            "a filter must not be empty [MQTT-4.7.3-1]; leave the key out, or write \"#\" for every topic"
        case .tooLong(let text):
            "filter of \(text.utf8.count) bytes: MQTT ends a topic at 65535 bytes [MQTT-4.7.3-3]"
        case .tooDeep(_, let levels):
            "filter of \(levels) levels: a rule may have \(RuleFilter.maximumLevels); end it with '#' earlier"
        case .containsNUL(let text):
            "filter '\(printable(text))': the null character is not allowed [MQTT-4.7.3-2]"
        case .shared(let text):
            "filter '\(printable(text))': a shared subscription is checked by its filter; leave out '$share/<group>/'"
        case .hashNotLast(let text):
            "filter '\(printable(text))': '#' must be the last level [MQTT-4.7.1-1]"
        case .hashInsideLevel(let text):
            "filter '\(printable(text))': '#' must fill its level [MQTT-4.7.1-1]"
        case .plusInsideLevel(let text):
            "filter '\(printable(text))': '+' must fill its level [MQTT-4.7.1-2]"
        case .unknownPlaceholder(let text):
            "filter '\(printable(text))': after '%' comes c (client id), u (user name) or % (a percent sign)"
        }
    }

    /// A log line stays one line and of bounded length, whatever the file holds.
    private func printable(_ text: String) -> String {
        let shown = text.unicodeScalars.prefix(80).map { $0.properties.generalCategory == .control ? "?" : String($0) }
        return shown.joined() + (text.unicodeScalars.count > 80 ? "..." : "")
    }
}
