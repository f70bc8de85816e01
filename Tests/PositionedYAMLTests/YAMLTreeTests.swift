import PositionedYAML
import Testing

private func parse(_ text: String) throws -> YAMLNode { try YAMLParser.parse(text, file: "a.yaml") }

private func at(_ line: Int, _ column: Int) -> SourcePosition { .init(file: "a.yaml", line: line, column: column) }

@Suite struct YAMLTreeTests {
    @Test func everyKeyAndValueKnowsItsPlace() throws {
        let root = try parse("a: 1\nlist:\n  - x\n  - { b: \"y\" }\nä: ü\n")
        let entries = try #require(root.entries)
        #expect(entries.map(\.name) == ["a", "list", "ä"])
        #expect(entries.map(\.position) == [at(1, 1), at(2, 1), at(5, 1)])
        #expect(entries[0].value.position == at(1, 4))
        #expect(entries[2].value.position == at(5, 4))
        let list = try #require(root["list"]?.elements)
        #expect(list.map(\.position) == [at(3, 5), at(4, 5)])
        #expect(list[1]["b"]?.position == at(4, 10))
        #expect(list[1]["b"]?.content == .scalar("y", .doubleQuoted))
    }

    @Test(arguments: [
        ("true", true), ("false", false), ("yes", nil), ("on", nil), ("off", nil), ("True", nil), ("\"true\"", nil),
        ("y", nil), ("[]", nil),
    ]) func onlyPlainTrueAndFalseAreBooleans(text: String, expected: Bool?) throws {
        #expect(try parse("k: \(text)")["k"]?.boolean == expected)
    }

    @Test(arguments: [
        ("0", 0), ("-7", -7), ("+7", 7), ("0x1F", 31), ("0o17", 15), ("010", 10), ("9223372036854775807", Int64.max),
        ("9223372036854775808", nil), ("1_000", nil), ("1:30", nil), ("1.5", nil), ("'7'", nil), ("0x-1", nil),
        ("", nil),
    ]) func integersAreThoseOfYAML12(text: String, expected: Int64?) throws {
        #expect(try parse("k: \(text)")["k"]?.integer == expected)
    }

    @Test(arguments: ["", "~", "null", "Null", "NULL"]) func nullHasNoText(text: String) throws {
        let value = try #require(try parse("k: \(text)")["k"])
        #expect(value.isNull)
        #expect(value.text == nil)
    }

    @Test func quotedNullIsText() throws {
        #expect(try parse("k: 'null'")["k"]?.text == "null")
        #expect(try parse("k: \"\"")["k"]?.text == "")
    }

    @Test(arguments: ["", "# only a comment\n", "---\n"]) func anEmptyFileIsNull(text: String) throws {
        #expect(try parse(text).isNull)
    }

    @Test func aByteOrderMarkDoesNotShiftColumns() throws {
        #expect(try parse("\u{FEFF}a: 1").entries?.first?.position == at(1, 1))
    }

    @Test func blockScalarsKeepTheirText() throws {
        #expect(try parse("k: |\n  a\n  b\n")["k"]?.content == .scalar("a\nb\n", .literal))
        #expect(try parse("k: >\n  a\n  b\n")["k"]?.content == .scalar("a b\n", .folded))
    }

    @Test func jsonIsReadAsWell() throws {
        let root = try parse(#"{"ok":true,"items":[1,2],"text":"a\u00e4\n\/"}"#)
        #expect(root["ok"]?.boolean == true)
        #expect(root["items"]?.elements?.compactMap(\.integer) == [1, 2])
        #expect(root["text"]?.text == "aä\n/")
    }
}
