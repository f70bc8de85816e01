import Configuration
import PositionedYAML
import Testing

@Suite struct ControlProtocolTests {
    @Test(arguments: ControlCommand.allCases) func requestsGoBothWays(command: ControlCommand) throws {
        for name in [nil, "geo", "a\"b\\c\n"] {
            let request = ControlRequest(command, name: name)
            #expect(!request.line.contains("\n"))
            #expect(try ControlRequest.parse(Array(request.line.utf8)) == request)
        }
        #expect(ControlRequest(.status).line == #"{"command":"status"}"#)
    }

    @Test(arguments: ["", "{}", "[]", "{\"command\":\"dance\"}", "{\"command\":", "\u{0}"])
    func whatIsNoRequestIsRefused(line: String) {
        #expect(throws: UsageError.self) { try ControlRequest.parse(Array(line.utf8)) }
    }

    @Test func answersGoBothWays() throws {
        let done = ControlAnswer.done([("pid", 42), ("state", "ready"), ("listeners", ["a": 1])])
        #expect(done.line == #"{"ok":true,"pid":42,"state":"ready","listeners":{"a":1}}"#)
        #expect(ControlAnswer.parse(Array(done.line.utf8)) == done)
        let refused = ControlAnswer.refused("plugins.yaml:1:1: no\nplugins.yaml:2:1: no", exitCode: 78)
        #expect(ControlAnswer.parse(Array(refused.line.utf8)) == refused)
        #expect(ControlAnswer.parse(Array("garbage".utf8)) == nil)
    }
}

@Suite struct JSONTextTests {
    @Test func whatIsWrittenIsJSON() {
        let value: JSONText = [
            "a": nil ?? .null, "b": true, "c": [1, -2, .number(0.5), .number(.nan)],
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
            ("/data", nil, 1000, ["XDG_RUNTIME_DIR": "/run/user/1000"], "/data/run"),
            ("", nil, 1000, ["XDG_RUNTIME_DIR": "/run/user/1000"], "/run/user/1000/hookline"),
            ("", nil, 1000, [:], "/tmp/hookline-1000"),
            ("", nil, 1000, ["XDG_RUNTIME_DIR": "relative"], "/tmp/hookline-1000"),
            ("", nil, 0, ["XDG_RUNTIME_DIR": "/run/user/0"], "/run/hookline"),
            ("", 77, 1000, [:], "/tmp/hookline-1000/ephemeral-77"),
        ] as [(String, Int32?, UInt32, [String: String], String)])
    func theRuleIsOne(data: String, pid: Int32?, user: UInt32, environment: [String: String], expected: String) {
        let path = RunDirectory.path(dataDirectory: data, ephemeral: pid, environment: environment, userID: user)
        #expect(path == expected)
        #expect(RunDirectory.controlSocket(in: path) == expected + "/control.sock")
    }

    @Test func aBrokenConfigurationStillTellsWhereTheBrokerIs() throws {
        let options = try ServeOptions.parse(["--data-dir", "/data", "--set", "broker.threads=x"])
        #expect(RunDirectory.locate(options, environment: [:], userID: 1000) == "/data/run")
    }
}
