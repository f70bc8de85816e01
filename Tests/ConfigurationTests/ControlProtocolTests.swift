import Configuration
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
