/// One topic filter of an access rule: an MQTT topic filter whose levels may hold the placeholders `%c` (client id),
/// `%u` (user name), `%a` (account) and `%{name}` (a claim), as a whole level or as part of one. `%%` is a percent
/// sign.
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
        case account
        /// The value of each group of the form `name=value`.
        case claim([UInt8])
    }

    /// Which placeholders a filter may hold; any other percent sign is an error, or one of its own.
    enum Placeholders {
        case all
        /// `%c` and `%u`, as the `pattern` lines of mosquitto have them.
        case clientAndUser
        case none
    }

    /// Bounds the depth of the compiled tree, and with it the recursion of a decision.
    static let maximumLevels = 128

    /// Never empty; `.anyBelow` stands last or not at all [MQTT-4.7.1-1].
    let levels: [Level]

    /// - Parameter text: the filter as written in the rule file.
    init(_ text: String, placeholders: Placeholders = .all) throws(RuleFilterError) {
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
            levels.append(try Self.level(name, isLast: index == names.count - 1, of: text, placeholders))
        }
        // "+/#" and "#" accept the same topics (none has fewer than one level); one spelling keeps "covers" exact.
        if levels == [.anyLevel, .anyBelow] { levels = [.anyBelow] }
        self.levels = levels
    }

    private static func level(
        _ name: ArraySlice<UInt8>, isLast: Bool, of text: String, _ placeholders: Placeholders
    ) throws(RuleFilterError) -> Level {
        if name.elementsEqual("#".utf8) {
            guard isLast else { throw .hashNotLast(text) }
            return .anyBelow
        }
        if name.elementsEqual("+".utf8) { return .anyLevel }
        guard !name.contains(UInt8(ascii: "#")) else { throw .hashInsideLevel(text) }
        guard !name.contains(UInt8(ascii: "+")) else { throw .plusInsideLevel(text) }

        let parts = try Self.parts(name, of: text, placeholders)
        switch parts.count {
        case 0: return .literal([])
        case 1:
            if case .literal(let bytes) = parts[0] { return .literal(bytes) }
            return .template(parts)
        default: return .template(parts)
        }
    }

    /// Neighbouring literals are joined, so a level without placeholder is one part or none.
    private static func parts(
        _ name: ArraySlice<UInt8>, of text: String, _ placeholders: Placeholders
    ) throws(RuleFilterError) -> [Part] {
        if placeholders == .none { return name.isEmpty ? [] : [.literal(Array(name))] }
        var parts: [Part] = []
        var literal: [UInt8] = []
        var rest = name
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                literal.append(byte)
                continue
            }
            if placeholders == .all, rest.first == UInt8(ascii: "%") {
                literal.append(rest.removeFirst())
                continue
            }
            guard let part = takePlaceholder(&rest, placeholders) else {
                guard placeholders == .clientAndUser else { throw .unknownPlaceholder(text) }
                literal.append(byte)
                continue
            }
            if !literal.isEmpty { parts.append(.literal(literal)) }
            literal = []
            parts.append(part)
        }
        if !literal.isEmpty { parts.append(.literal(literal)) }
        return parts
    }

    /// What stands behind a percent sign; `nil` when it is no placeholder, and then nothing is taken.
    private static func takePlaceholder(_ rest: inout ArraySlice<UInt8>, _ allowed: Placeholders) -> Part? {
        switch (rest.first, allowed) {
        case (UInt8(ascii: "c"), _):
            rest.removeFirst()
            return .client
        case (UInt8(ascii: "u"), _):
            rest.removeFirst()
            return .user
        case (UInt8(ascii: "a"), .all):
            rest.removeFirst()
            return .account
        case (UInt8(ascii: "{"), .all):
            guard let end = rest.firstIndex(of: UInt8(ascii: "}")), end > rest.startIndex + 1 else { return nil }
            let claim = Array(rest[(rest.startIndex + 1)..<end])
            guard !claim.contains(UInt8(ascii: "=")) else { return nil }
            rest = rest[(end + 1)...]
            return .claim(claim)
        default: return nil
        }
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
            "filter '\(printable(text))': after '%' comes c (client id), u (user name), a (account), {name} (a claim) "
                + "or % (a percent sign)"
        }
    }

    /// A log line stays one line and of bounded length, whatever the file holds.
    private func printable(_ text: String) -> String {
        let shown = text.unicodeScalars.prefix(80).map { $0.properties.generalCategory == .control ? "?" : String($0) }
        return shown.joined() + (text.unicodeScalars.count > 80 ? "..." : "")
    }
}
