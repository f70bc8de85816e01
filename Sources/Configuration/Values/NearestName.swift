/// The name somebody probably meant.
public enum NearestName {
    /// The candidate with the fewest edits to `name`, if that is few enough to be a slip of the finger; a name that
    /// begins or ends with the other counts as well.
    public static func find(_ name: String, in candidates: some Sequence<String>) -> String? {
        let bound = max(1, name.count / 3)
        var best: (name: String, distance: Int)?
        for candidate in candidates where candidate != name {
            var distance = editDistance(Array(name.lowercased().utf8), Array(candidate.lowercased().utf8))
            if contains(candidate, name) || contains(name, candidate) { distance = min(distance, bound) }
            if distance <= bound, distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best?.name
    }

    /// `max_payload` for `max_payload_size`, `warning` for `warn`.
    private static func contains(_ long: String, _ short: String) -> Bool {
        short.utf8.count >= 4 && (long.hasPrefix(short) || long.hasSuffix(short))
    }

    /// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
    private static func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        // Names are short; a long value is no misspelt name and not worth the square.
        guard a.count <= 128, b.count <= 128 else { return .max }
        var beforePrevious: [Int] = []
        var previous = Array(0...b.count)
        for i in 0..<a.count {
            var current = [i + 1] + Array(repeating: 0, count: b.count)
            for j in 0..<b.count {
                let replace = previous[j] + (a[i] == b[j] ? 0 : 1)
                current[j + 1] = min(previous[j + 1] + 1, current[j] + 1, replace)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    current[j + 1] = min(current[j + 1], beforePrevious[j - 1] + 1)
                }
            }
            (beforePrevious, previous) = (previous, current)
        }
        return previous[b.count]
    }
}
