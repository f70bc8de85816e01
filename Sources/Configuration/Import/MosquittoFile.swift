/// The lines of a mosquitto.conf: a keyword and the rest, and where it stands.
struct MosquittoFile {
    /// One setting.
    struct Line: Equatable {
        /// From 1.
        var number: Int
        var key: String
        /// What stands behind the key, without blanks around it.
        var value: String
    }

    /// The settings in their order; comments and empty lines are left out.
    var lines: [Line] = []

    init(_ text: String) {
        let rows = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        for (index, row) in rows.enumerated() {
            let words = row.trimmingBlanks
            guard !words.isEmpty, !words.hasPrefix("#") else { continue }
            let key = words.prefix { !$0.isWhitespace }
            lines.append(
                Line(number: index + 1, key: String(key), value: words.dropFirst(key.count).trimmingBlanks))
        }
    }
}

extension StringProtocol {
    fileprivate var trimmingBlanks: String {
        var rest = self[...]
        while rest.first?.isWhitespace ?? false { rest = rest.dropFirst() }
        while rest.last?.isWhitespace ?? false { rest = rest.dropLast() }
        return String(rest)
    }
}
