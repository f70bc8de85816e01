import Testing

@testable import StrictJSON

@Suite struct JSONReaderTests {
    private func parse(_ text: String) throws -> JSONValue { try JSONValue(parsing: Array(text.utf8)) }

    @Test func everyKindOfValueIsRead() throws {
        let value = try parse(
            #" { "a" : [ 1 , -2.5e3, true,false ,null, "x\n\"\\\/\u00e9\ud83d\ude00" ] , "b":{}, "c":[], "d": 0 } "#)
        #expect(
            value
                == .object([
                    "a": .array([
                        .integer(1), .number(-2500), .boolean(true), .boolean(false), .null, .string("x\n\"\\/é😀"),
                    ]), "b": .object([:]), "c": .array([]), "d": .integer(0),
                ]))
        #expect(try parse("-9223372036854775808") == .integer(.min))
        #expect(try parse("9223372036854775808") == .number(9_223_372_036_854_775_808))
        #expect(value["a"]?.elements?.count == 6 && value["x"] == nil && value["d"]?.text == nil)
    }

    @Test(arguments: [
        ("", JSONError.Problem.unexpectedEnd, 0), ("{", .unexpectedEnd, 1), ("[1", .unexpectedEnd, 2),
        ("[1,]", .unexpectedCharacter, 3), ("{\"a\":1,}", .unexpectedCharacter, 7), ("{a:1}", .unexpectedCharacter, 1),
        ("'a'", .unexpectedCharacter, 0), ("nul", .unexpectedEnd, 0), ("nulL", .unexpectedCharacter, 0),
        ("01", .trailingText, 1), ("1.", .unexpectedEnd, 2), ("-", .unexpectedEnd, 1), ("1e", .unexpectedEnd, 2),
        ("+1", .unexpectedCharacter, 0), (".5", .unexpectedCharacter, 0), ("1e999", .invalidNumber, 0),
        ("NaN", .unexpectedCharacter, 0), ("1 2", .trailingText, 2), ("{} {}", .trailingText, 3),
        ("{\"a\":1,\"a\":2}", .duplicateName, 7), ("{\"a\":1,\"\\u0061\":2}", .duplicateName, 7),
        ("\"\\ud800\"", .invalidString, 7), ("\"\\ud800\\u0041\"", .invalidString, 13), ("\"\\x\"", .invalidString, 2),
        ("\"a\nb\"", .invalidString, 2), ("\"abc", .unexpectedEnd, 4), ("\"\\u12\"", .invalidString, 5),
        ("\u{FEFF}1", .unexpectedCharacter, 0), ("// x\n1", .unexpectedCharacter, 0),
    ])
    func whatIsNotJSONIsRefusedWithItsPlace(text: String, problem: JSONError.Problem, offset: Int) {
        let error = #expect(throws: JSONError.self) { try parse(text) }
        #expect(error == JSONError(problem: problem, offset: offset))
    }

    @Test func bytesThatAreNotUTF8AreNoString() {
        #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0xFF, 0x22]) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0xC0, 0x80, 0x22]) }
    }

    @Test func depthIsBounded() throws {
        let deepest = String(repeating: "[", count: 32) + String(repeating: "]", count: 32)
        _ = try parse(deepest)
        for opening in ["[", "{\"a\":"] {
            let bomb = String(repeating: opening, count: 100_000)
            #expect(#expect(throws: JSONError.self) { try parse(bomb) }?.problem == .tooDeep)
        }
    }

    /// Every text that is cut off or changed in one byte is read or refused; nothing traps.
    @Test func damagedTextsNeverTrap() {
        let text = Array(#"{"a":[1,-2.5e3,true,null,"x\u00e9\ud83d\ude00\n"],"b":{"c":"d"}}"#.utf8)
        for index in text.indices {
            _ = try? JSONValue(parsing: Array(text[..<index]))
            for byte in [0, 0x22, 0x5C, 0x7B, 0x5D, 0x2C, 0x2D, 0x65, 0x75, 0x80, 0xFF] as [UInt8] {
                var damaged = text
                damaged[index] = byte
                _ = try? JSONValue(parsing: damaged)
            }
        }
    }
}
