import Configuration
import PositionedYAML
import Testing

@Suite struct JSONTextTests {
    @Test func whatIsWrittenIsJSON() {
        let value: JSONText = [
            "a": .null, "b": true, "c": [1, -2, .number(0.5), .number(.nan)],
            "d": "q\"b\\n\n\u{1}\u{7f}\u{2028}ü😀", "e": [:],
        ]
        #expect(
            value.rendered
                == #"{"a":null,"b":true,"c":[1,-2,0.5,null],"d":"q\"b\\n\n\u0001\u007f\u2028ü😀","e":{}}"#)
    }

    @Test func everyScalarSurvivesTheWayThroughTheParser() throws {
        var text = ""
        for value in 1..<0x3000 { if let scalar = Unicode.Scalar(UInt32(value)) { text.unicodeScalars.append(scalar) } }
        text.unicodeScalars.append(contentsOf: "\u{FEFF}\u{FFFD}\u{1F600}".unicodeScalars)
        let node = try YAMLParser.parse(JSONText.object([("t", .string(text))]).rendered, file: "json")
        #expect(node["t"]?.text?.unicodeScalars.elementsEqual(text.unicodeScalars) == true)
    }
}

@Suite struct RunDirectoryTests {
    @Test(
        arguments: [
            ("/data", 1000, ["XDG_RUNTIME_DIR": "/run/user/1000"], "/data/run"),
            ("", 1000, ["XDG_RUNTIME_DIR": "/run/user/1000"], "/run/user/1000/hookline"),
            ("", 1000, [:], "/tmp/hookline-1000"),
            ("", 1000, ["XDG_RUNTIME_DIR": "relative"], "/tmp/hookline-1000"),
            ("", 0, ["XDG_RUNTIME_DIR": "/run/user/0"], "/run/user/0/hookline"), ("", 0, [:], "/run/hookline"),
        ] as [(String, UInt32, [String: String], String)])
    func theRuleIsOne(data: String, user: UInt32, environment: [String: String], expected: String) {
        let path = RunDirectory.path(dataDirectory: data, environment: environment, userID: user)
        #expect(path == expected)
        #expect(RunDirectory.controlSocket(in: path) == expected + "/control.sock")
    }

    @Test func aBrokenConfigurationStillTellsWhereTheBrokerIs() throws {
        let options = try ServeOptions.parse(["--data-dir", "/data", "--set", "broker.threads=x"])
        #expect(RunDirectory.locate(options, environment: [:], userID: 1000) == "/data/run")
    }
}
