import PositionedYAML
import Testing

private func errors(_ text: String, limits: YAMLLimits = YAMLLimits()) -> [String] {
    YAMLParser.parseCollecting(Array(text.utf8), file: "a.yaml", limits: limits).errors.map(\.description)
}

@Suite struct YAMLErrorTests {
    @Test(arguments: [
        ("a: 1\nb: 2\na: 3", "a.yaml:3:1: duplicate key 'a'; it already stands in line 1"),
        ("a: 1\n'a': 3", "a.yaml:2:1: duplicate key 'a'; it already stands in line 1"),
        ("a: &x 1", "a.yaml:1:4: anchors ('&x') are not supported; write the value where it is needed"),
        ("a: *x", "a.yaml:1:4: aliases ('*x') are not supported; write the value here"),
        ("a: !int 1", "a.yaml:1:4: tags ('!int') are not supported; write the value without one"),
        ("a: !!str 1", "a.yaml:1:4: tags ('tag:yaml.org,2002:str') are not supported; write the value without one"),
        ("a:\n  <<: 1", "a.yaml:2:3: merge keys ('<<') are not supported; write the keys here"),
        ("[a]: 1", "a.yaml:1:1: a key must be plain text, not a list, a mapping or nothing"),
        ("a: 1\n---\nb: 2", "a.yaml:2:1: a second document begins here; one file holds one document"),
        ("a:\n\t- b", "a.yaml:2:1: not valid YAML: a tab cannot indent; use spaces"),
        (
            "a: [1, 2\n",
            "a.yaml:2:1: not valid YAML: did not find expected ',' or ']' "
                + "while parsing a flow sequence that begins in line 1"
        ),
        ("a: b: c", "a.yaml:1:5: not valid YAML: mapping values are not allowed in this context"),
        ("a: 1\nä: \u{1}", "a.yaml:2:4: not valid UTF-8 text: control characters are not allowed"),
    ]) func everyErrorNamesItsPlace(text: String, expected: String) {
        #expect(errors(text) == [expected])
    }

    @Test func whatDoesNotStopTheReadingIsCollected() {
        #expect(errors("a: &x 1\na: *x\n<<: 2").count == 4)
    }

    @Test func brokenUTF8NamesItsPlace() {
        let found = YAMLParser.parseCollecting([0x61, 0x3A, 0x0A, 0x61, 0xFF], file: "a.yaml").errors
        #expect(found.map(\.position) == [.init(file: "a.yaml", line: 2, column: 2)])
    }

    @Test func limitsHold() {
        let limits = YAMLLimits(maxBytes: 40, maxDepth: 2, maxNodes: 5)
        #expect(
            errors(String(repeating: "x", count: 41), limits: limits) == [
                "a.yaml:1:1: the file is larger than 40 bytes"
            ])
        #expect(errors("a: [[1]]", limits: limits) == ["a.yaml:1:6: nested deeper than 2 levels"])
        #expect(errors("[1,2,3,4,5]", limits: limits) == ["a.yaml:1:10: more than 5 values in one file"])
        #expect(errors("[[1],2]", limits: limits).isEmpty)
    }

    @Test func hostileDepthIsRefusedAndNotFollowed() {
        #expect(errors(String(repeating: "[", count: 500_000)) == ["a.yaml:1:34: nested deeper than 32 levels"])
        #expect(errors(String(repeating: "{a: ", count: 200_000)).count == 1)
    }
}
