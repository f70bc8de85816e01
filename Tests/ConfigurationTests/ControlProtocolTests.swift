import Configuration
import Testing

@Suite struct ControlProtocolTests {
    @Test(arguments: ControlCommand.allCases) func requestsGoBothWays(command: ControlCommand) throws {
        for text in ["geo", "a\"b\\c\n", "\u{1F30A}"] {
            var parameters: ControlParameters = [:]
            for name in command.parameters { parameters[name] = .string(text) }
            let request = ControlRequest(command, parameters)
            #expect(!request.line.contains("\n"))
            #expect(try ControlRequest.parse(Array(request.line.utf8)) == request)
        }
        #expect(throws: UsageError.self) {
            try ControlRequest.parse(Array(#"{"command":"\#(command.rawValue)","nonsense":1}"#.utf8))
        }
        #expect(ControlRequest(.status).line == #"{"command":"status"}"#)
    }

    @Test(arguments: ["", "{}", "[]", "{\"command\":\"dance\"}", "{\"command\":", "\u{0}"])
    func whatIsNoRequestIsRefused(line: String) {
        #expect(throws: UsageError.self) { try ControlRequest.parse(Array(line.utf8)) }
    }

    @Test func aPluginGivesParametersOrAName() throws {
        #expect(try ControlRequest.parse(.reload, argument: []) == ControlRequest(.reload))
        #expect(try ControlRequest.parse(.reload, argument: Array("acl".utf8)).name == "acl")
        let request = try ControlRequest.parse(.clients, argument: Array(#"{"limit":2,"connected":true}"#.utf8))
        #expect(try request.parameters.integer("limit", in: 1...10) == 2)
        #expect(try request.parameters.boolean("connected") == true)
        #expect(throws: UsageError.self) { try request.parameters.text("limit") }
        for argument in ["name", #"{"limit":2,"limit":3}"#, "{", #"{"name":"x"}"#] {
            #expect(throws: UsageError.self) { try ControlRequest.parse(.clients, argument: Array(argument.utf8)) }
        }
    }

    @Test func answersGoBothWays() throws {
        let done = ControlAnswer.done([("pid", 42), ("state", "ready"), ("listeners", ["a": 1])])
        #expect(done.line == #"{"ok":true,"pid":42,"state":"ready","listeners":{"a":1}}"#)
        #expect(ControlAnswer.parse(Array(done.line.utf8)) == done)
        let refused = ControlAnswer.refused("plugins.yaml:1:1: no\nplugins.yaml:2:1: no", .refused)
        #expect(refused.exitCode == 78)
        #expect(ControlAnswer.parse(Array(refused.line.utf8)) == refused)
        #expect(ControlAnswer.parse(Array("garbage".utf8)) == nil)
    }
}
