import MQTTCodec
import Testing

@Suite struct UTF8Tests {
    /// The standard library's validator is the judge; U+0000 is the one thing it allows and MQTT does not.
    private func expected(_ bytes: [UInt8]) -> DecodeError.Kind? {
        guard String(validating: bytes, as: UTF8.self) != nil else { return .invalidUTF8 }
        return bytes.contains(0) ? .nullCharacter : nil
    }

    private func check(_ bytes: [UInt8]) {
        let kind = UTF8String.validate(bytes)
        let expected = expected(bytes)
        // Both can be wrong with the same text; then whichever stands first is told.
        if kind != expected && !(bytes.contains(0) && kind != nil && expected != nil) {
            Issue.record("\(bytes): \(String(describing: kind)), expected \(String(describing: expected))")
        }
    }

    @Test func everySequenceOfOneOrTwoBytesIsJudgedRight() {
        for first in UInt8.min...UInt8.max {
            check([first])
            for second in UInt8.min...UInt8.max { check([first, second]) }
        }
    }

    /// The values around which the rules of RFC 3629 change.
    private static let edges: [UInt8] = [0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF]

    @Test func longSequencesAreJudgedRightAroundEachEdge() {
        for first in UInt8(0xC0)...0xFF {
            for second in Self.edges {
                for third in Self.edges {
                    check([first, second, third])
                    for fourth in Self.edges { check([first, second, third, fourth]) }
                }
            }
        }
    }

    @Test(
        arguments: [
            [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x9F, 0xBF], [0xF0, 0x8F, 0xBF, 0xBF], [0xED, 0xA0, 0x80],
            [0xED, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0x80], [0xBF], [0xFE], [0xFF],
            [0xC3], [0xE2, 0x82], [0xF0, 0x9D, 0x84], [0xC3, 0x28], [0xE2, 0x28, 0xA1], [0xE2, 0x82, 0x28],
            [0xF0, 0x28, 0x8C, 0xBC], [0xF0, 0x9D, 0x28, 0xBC], [0xF0, 0x9D, 0x84, 0x28],
        ] as [[UInt8]])
    func illFormedTextIsFoundAtEveryDistanceFromTheBlocksOfEight(bad: [UInt8]) {
        for before in 0...17 {
            for after in 0...9 {
                let text =
                    [UInt8](repeating: 0x61, count: before) + bad + [UInt8](repeating: 0x62, count: after)
                #expect(UTF8String.validate(text) == .invalidUTF8, "\(before) before, \(after) after")
                #expect(TopicName.validate(text) == .invalidUTF8)
            }
        }
    }

    @Test(arguments: [
        "\u{1}", "\u{7F}", "\u{80}", "\u{7FF}", "\u{800}", "\u{D7FF}", "\u{E000}", "\u{FEFF}", "\u{FFFD}", "\u{FFFF}",
        "\u{10000}", "\u{10FFFF}", "Grüße", "日本語", "🙂",
    ])
    func wellFormedTextIsAcceptedAtEveryDistanceFromTheBlocksOfEight(good: String) {
        for before in 0...17 {
            let text = [UInt8](repeating: 0x61, count: before) + utf8(good) + utf8(good) + utf8("tail")
            #expect(UTF8String.validate(text) == nil)
            #expect(TopicName.validate(text) == nil)
        }
    }

    @Test func everyASCIIByteIsJudgedRightAtEveryPositionInABlock() {
        for position in 0..<24 {
            for byte in UInt8(0)..<0x80 {
                var text = [UInt8](repeating: 0x7E, count: 24)
                text[position] = byte
                #expect(UTF8String.validate(text) == (byte == 0 ? .nullCharacter : nil))
                let isWildcard = byte == UInt8(ascii: "+") || byte == UInt8(ascii: "#")
                let expected: DecodeError.Kind? =
                    byte == 0 ? .nullCharacter : isWildcard ? .wildcardInTopicName : nil
                #expect(TopicName.validate(text) == expected)
            }
        }
    }

    @Test func aTopicNameHasOneByteToSixtyFiveThousand() {
        #expect(TopicName.validate([]) == .emptyTopicName)
        #expect(TopicName.validate(utf8("/")) == nil)
        #expect(TopicName.validate([UInt8](repeating: 0x61, count: 65_535)) == nil)
        #expect(TopicName.validate([UInt8](repeating: 0x61, count: 65_536)) == .truncated)
    }

    @Test func aStringHasNoneToSixtyFiveThousandBytes() {
        #expect(UTF8String.validate([]) == nil)
        #expect(UTF8String.validate([UInt8](repeating: 0x61, count: 65_535)) == nil)
        #expect(UTF8String.validate([UInt8](repeating: 0x61, count: 65_536)) == .truncated)
    }
}
