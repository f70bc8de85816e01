/// What a command of the tool asks of a running broker.
enum ControlRequest: Sendable, Equatable {
    case status
    case health
    case plugins
    case reload
    case stop
}

/// The control socket speaks lines: one JSON object asks, one answers.
///
/// `{"command":"status"}` is answered with `{"ok":true,"result":{...}}`, or with
/// `{"ok":false,"exit":78,"errors":["plugins.yaml:14:7: ..."]}`, where `exit` is the code the tool should end with.
enum ControlProtocol {
    /// Longest request, in bytes.
    static let maximumRequestBytes = 4_096

    static func answer(_ result: JSONValue) -> JSONValue { ["ok": true, "result": result] }

    static func failure(exit code: Int32, _ errors: [String]) -> JSONValue {
        ["ok": false, "exit": .number(Int(code)), "errors": .array(errors.map { .string($0) })]
    }
}

/// Why a request was not understood.
enum ControlProblem: Error, Equatable, CustomStringConvertible {
    case tooLong
    case tooMany
    case notAnObject
    case unknownCommand(String)

    var description: String {
        switch self {
        case .tooLong: "the request is longer than \(ControlProtocol.maximumRequestBytes) bytes"
        case .tooMany: "too many requests at once; wait for the answers"
        case .notAnObject: "a request is one line such as {\"command\":\"status\"}"
        case .unknownCommand(let name):
            "unknown command '\(name)'; known are status, health, plugins, reload and stop"
        }
    }
}

/// Cuts the bytes of one control connection into requests.
struct ControlLineReader {
    private var rest: [UInt8] = []

    /// Takes bytes and returns the lines they complete.
    mutating func lines(adding bytes: UnsafeRawBufferPointer) throws(ControlProblem) -> [[UInt8]] {
        rest += bytes
        var lines: [[UInt8]] = []
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            lines.append(Array(rest[..<end]))
            rest.removeSubrange(...end)
        }
        guard rest.count <= ControlProtocol.maximumRequestBytes,
            lines.allSatisfy({ $0.count <= ControlProtocol.maximumRequestBytes })
        else { throw .tooLong }
        return lines
    }
}
