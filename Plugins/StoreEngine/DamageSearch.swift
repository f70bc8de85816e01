import PluginABI

/// Finds what can still be read behind a damaged place. A walk cannot step over one; a search that begins behind it
/// can.
public enum DamageSearch {
    /// Searches for one place; each is some page reads.
    private static let maximumProbes = 256

    /// The smallest key behind a damaged place that a search finds, and the place at which the search begins: by
    /// halving the distance between a place that cannot be read and one that can.
    /// - Parameters:
    ///   - low: the place that cannot be read.
    ///   - last: a key behind it that can, such as the one a walk from the other end comes to.
    ///   - first: the first key at or behind a place; nil: it cannot be read.
    public static func nextReadable(
        after low: [UInt8], last: [UInt8], first: (_ place: [UInt8]) -> [UInt8]?
    ) -> (key: [UInt8], place: [UInt8]) {
        var low = low
        var found = (key: last, place: last)
        for _ in 0..<maximumProbes {
            guard let middle = between(low, found.key) else { break }
            if let key = first(middle), key.lexicographicallyPrecedes(found.key) {
                found = (key, middle)
            } else {
                low = middle
            }
        }
        return found
    }

    /// A key about half way between two others, read as numbers of 256; nil when none is between them.
    public static func between(_ low: [UInt8], _ high: [UInt8]) -> [UInt8]? {
        let length = max(low.count, high.count) + 1
        var sum = [Int](repeating: 0, count: length)
        for index in 0..<length {
            sum[index] = (index < low.count ? Int(low[index]) : 0) + (index < high.count ? Int(high[index]) : 0)
        }
        var middle: [UInt8] = []
        var rest = 0
        var carried = sum
        for index in stride(from: length - 1, to: 0, by: -1) where carried[index] > 255 {
            carried[index - 1] += carried[index] / 256
            carried[index] %= 256
        }
        for digit in carried {
            let value = rest * 256 + digit
            middle.append(UInt8(clamping: value / 2))
            rest = value % 2
        }
        let isBetween = low.lexicographicallyPrecedes(middle) && middle.lexicographicallyPrecedes(high)
        return isBetween && middle.count <= Int(HL_STORE_MAX_KEY) ? middle : nil
    }

    /// A key for people: hexadecimal, as `hookline store inspect` takes it.
    public static func words(_ key: [UInt8]) -> String {
        let digits = Array("0123456789abcdef")
        var text = ""
        for byte in key.prefix(64) {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return text.isEmpty ? "(the first)" : text + (key.count > 64 ? "..." : "")
    }
}
