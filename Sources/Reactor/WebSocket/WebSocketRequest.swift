/// The head of an HTTP request that asks for a WebSocket [RFC 6455, 4.2.1].
struct WebSocketRequest: Equatable {
    private(set) var method = ""
    private(set) var target = ""
    private(set) var version = ""
    /// Names in lower case, values without the blanks around them, in the order they came.
    private(set) var fields: [(name: String, value: String)] = []

    /// Reads a head without the empty line that ends it; nil when it is not HTTP. Strict, so that a proxy in between
    /// cannot have read something else: no folded lines, no bare line ends, no blank before a colon.
    init?(head: [UInt8]) {
        guard head.allSatisfy({ $0 >= 0x20 && $0 < 0x7F || $0 == 0x0D || $0 == 0x0A || $0 == 0x09 || $0 >= 0x80 }),
            let lines = Self.lines(head), let first = lines.first
        else { return nil }
        let words = first.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard words.count == 3, words.allSatisfy({ !$0.isEmpty }) else { return nil }
        method = String(decoding: words[0], as: UTF8.self)
        target = String(decoding: words[1], as: UTF8.self)
        version = String(decoding: words[2], as: UTF8.self)
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
                line[..<colon].allSatisfy(Self.isTokenByte)
            else { return nil }
            let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
            fields.append((name, Self.trimmed(line[(colon + 1)...])))
        }
    }

    static func == (left: WebSocketRequest, right: WebSocketRequest) -> Bool {
        left.method == right.method && left.target == right.target && left.version == right.version
            && left.fields.elementsEqual(right.fields, by: ==)
    }

    /// Path of the target, without its query.
    var path: String { String(target.prefix { $0 != "?" }) }

    /// The value of a field that stands there once; nil when it is missing or ambiguous.
    func single(_ name: String) -> String? {
        let values = fields.filter { $0.name == name }
        return values.count == 1 ? values[0].value : nil
    }

    /// Whether the comma-separated list in all fields of this name holds `token`, in any case.
    func lists(_ token: String, in name: String, exactCase: Bool = false) -> Bool {
        fields.contains { field in
            field.name == name
                && field.value.split(separator: ",").contains { part in
                    let part = Self.trimmed(Array(part.utf8)[...])
                    return exactCase ? part == token : part.lowercased() == token
                }
        }
    }

    private static func lines(_ head: [UInt8]) -> [ArraySlice<UInt8>]? {
        var lines: [ArraySlice<UInt8>] = []
        var start = 0
        var position = 0
        while position < head.count {
            switch head[position] {
            case 0x0D:
                guard position + 1 == head.count || head[position + 1] == 0x0A else { return nil }
                lines.append(head[start..<position])
                position += 2
                start = position
            case 0x0A: return nil
            default: position += 1
            }
        }
        if start < head.count { lines.append(head[start...]) }
        return lines
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> String {
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        let front = bytes.drop(while: isBlank)
        guard let last = front.lastIndex(where: { !isBlank($0) }) else { return "" }
        return String(decoding: front[...last], as: UTF8.self)
    }

    /// A `tchar` of RFC 9110, 5.6.2.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
