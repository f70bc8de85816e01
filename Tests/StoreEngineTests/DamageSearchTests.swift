import Testing

@testable import StoreEngine

/// What stands behind a damaged place is found by searching, not by walking.
@Suite struct DamageSearchTests {
    private static func key(_ number: Int) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 255)] }

    /// A thousand keys; a search that meets a damaged one fails.
    private func search(_ damaged: Range<Int>..., after: Int, last: Int) -> [UInt8] {
        DamageSearch.nextReadable(after: Self.key(after), last: Self.key(last)) { place in
            guard let found = (0..<1000).first(where: { !Self.key($0).lexicographicallyPrecedes(place) }) else {
                return nil
            }
            return damaged.contains { $0.contains(found) } ? nil : Self.key(found)
        }.key
    }

    @Test("The first key behind one damaged place is found, wherever the place ends")
    func onePlace() {
        for end in [101, 102, 255, 256, 257, 700, 999] {
            #expect(search(100..<end, after: 99, last: 999) == Self.key(end))
            #expect(search(100..<end, after: 99, last: end) == Self.key(end))
        }
    }

    @Test("Of several damaged places what stands between them is found")
    func severalPlaces() {
        let found = search(100..<200, 600..<990, after: 99, last: 990)
        #expect(found == Self.key(200))
        // From there a walk comes to the next damaged place, and searches again.
        #expect(search(100..<200, 600..<990, after: 599, last: 990) == Self.key(990))
    }

    @Test("Half way between two keys is a key between them, or none")
    func between() {
        #expect(DamageSearch.between([1], [3]) == [2, 0] || DamageSearch.between([1], [3]) == [2])
        let middle = DamageSearch.between([1], [1, 0, 0])
        if let middle {
            #expect([1].lexicographicallyPrecedes(middle) && middle.lexicographicallyPrecedes([1, 0, 0]))
        }
        #expect(DamageSearch.between([5], [5]) == nil && DamageSearch.between([6], [5]) == nil)
        #expect(DamageSearch.between([], [0xff]) != nil)
    }

    @Test("Keys are named in hexadecimal, long ones by their beginning")
    func words() {
        #expect(DamageSearch.words([0, 0xab]) == "00ab" && DamageSearch.words([]) == "(the first)")
        #expect(DamageSearch.words([UInt8](repeating: 1, count: 65)).hasSuffix("01..."))
    }
}
