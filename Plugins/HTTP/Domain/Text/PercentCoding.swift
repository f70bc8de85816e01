/// Percent-encoding of URLs (RFC 3986, 2.1). `+` stands for itself: it is a wildcard of MQTT, not a space.
enum PercentCoding {
    /// The text that was encoded; nil when an escape is not complete or the result is not UTF-8.
    static func decode(_ text: some StringProtocol) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.next().flatMap(digit), let low = rest.next().flatMap(digit) else { return nil }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

/// The part of a URL behind `?`: names and values in their order, names may repeat.
struct Query: Sendable {
    /// Decoded.
    let items: [(name: String, value: String)]

    /// - Parameter text: as it was sent, without `?`.
    /// - Returns: nil when something in it cannot be decoded.
    init?(_ text: some StringProtocol) {
        var items: [(name: String, value: String)] = []
        for part in text.split(separator: "&") {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentCoding.decode(pair[0]),
                let value = PercentCoding.decode(pair.count > 1 ? pair[1] : "")
            else { return nil }
            items.append((name, value))
        }
        self.items = items
    }

    /// All values of a name.
    func all(_ name: String) -> [String] { items.filter { $0.name == name }.map(\.value) }

    /// The value of a name; the first, when there are several.
    subscript(name: String) -> String? { items.first { $0.name == name }?.value }
}
