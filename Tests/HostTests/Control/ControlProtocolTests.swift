import Testing

@testable import Host

@Suite("The control protocol")
struct ControlProtocolTests {
    @Test(
        "Every command is one line of JSON",
        arguments: [
            (#"{"command":"status"}"#, ControlRequest.status), (#"{"command":"health"}"#, .health),
            (#"{ "schema": 1, "command": "plugins" }"#, .plugins), (#"{"command":"reload"}"#, .reload),
            (#"{"command":"stop"}"#, .stop),
        ])
    func commands(line: String, request: ControlRequest) throws {
        #expect(try ControlRequest.parse(Array(line.utf8)) == request)
    }

    @Test(
        "What is no request is refused with what one looks like",
        arguments: [
            ("", ControlProblem.notAnObject), ("status", .notAnObject), ("[1]", .notAnObject), ("{", .notAnObject),
            (#"{"command":{}}"#, .notAnObject), (#"{"command":"halt"}"#, .unknownCommand("halt")),
            (String(repeating: " ", count: ControlProtocol.maximumRequestBytes + 1), .tooLong),
        ])
    func refused(line: String, problem: ControlProblem) {
        #expect(throws: problem) { try ControlRequest.parse(Array(line.utf8)) }
    }

    @Test("Lines are found however the bytes are cut")
    func lines() throws {
        var reader = ControlLineReader()
        var lines: [[UInt8]] = []
        for byte in Array("ab\n\nc\nd".utf8) {
            lines += try withUnsafeBytes(of: byte) { try reader.lines(adding: $0) }
        }
        #expect(lines == [Array("ab".utf8), [], Array("c".utf8)])
    }

    @Test("An endless line is refused")
    func endless() throws {
        var reader = ControlLineReader()
        let bytes = [UInt8](repeating: 0x20, count: ControlProtocol.maximumRequestBytes)
        #expect(try bytes.withUnsafeBytes { try reader.lines(adding: $0) }.isEmpty)
        #expect(throws: ControlProblem.tooLong) { try bytes.withUnsafeBytes { try reader.lines(adding: $0) } }
    }

    @Test("Answers carry the result, or the errors and the exit code of the tool")
    func answers() {
        #expect(ControlProtocol.answer(["pid": 7]).text == #"{"ok":true,"result":{"pid":7}}"#)
        #expect(
            ControlProtocol.failure(exit: 78, ["plugins.yaml:1:1: wrong"]).text
                == #"{"ok":false,"exit":78,"errors":["plugins.yaml:1:1: wrong"]}"#)
    }
}
