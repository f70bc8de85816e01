import PositionedYAML

/// Hides what should not be read over a shoulder or pasted into a ticket. The tool that shows a configuration knows
/// no plugin's declarations, so names decide; the declared type decides inside the broker.
enum SecretMask {
    static let mask = "********"

    private static let words = [
        "password", "passphrase", "secret", "token", "_key", "apikey", "psk", "credential", "authorization",
        "cookie",
    ]

    /// True for `password`, `client_secret`, `api-token`; false for their `_file` twins and for `password_file`.
    static func isSecret(_ key: String) -> Bool {
        let name = String(key.lowercased().map { $0 == "-" ? "_" : $0 })
        return !name.hasSuffix("_file") && !name.hasSuffix("_dir") && words.contains { name.hasSuffix($0) }
    }

    /// The tree with secrets replaced, and passwords inside URLs with them.
    static func apply(to node: YAMLNode) -> YAMLNode {
        var result = node
        switch node.content {
        case .scalar(let text, let style): result.content = .scalar(maskUserInfo(text), style)
        case .sequence(let elements): result.content = .sequence(elements.map { apply(to: $0) })
        case .mapping(let entries):
            result.content = .mapping(
                entries.map { entry in
                    let hidden = YAMLNode(.scalar(mask, .doubleQuoted), at: entry.value.position)
                    let value = isSecret(entry.name) && !entry.value.isNull ? hidden : apply(to: entry.value)
                    return YAMLEntry(name: entry.name, position: entry.position, value: value)
                })
        }
        return result
    }

    /// `https://user:secret@host/` -> `https://user:********@host/`.
    private static func maskUserInfo(_ text: String) -> String {
        let bytes = Array(text.utf8)
        let marker = Array("://".utf8)
        guard let start = bytes.indices.first(where: { bytes[$0...].starts(with: marker) }) else { return text }
        let authority = bytes[(start + marker.count)...].prefix { $0 != UInt8(ascii: "/") }
        guard let at = authority.lastIndex(of: UInt8(ascii: "@")),
            let colon = authority[..<at].firstIndex(of: UInt8(ascii: ":"))
        else { return text }
        return String(decoding: bytes[...colon], as: UTF8.self) + mask + String(decoding: bytes[at...], as: UTF8.self)
    }
}
