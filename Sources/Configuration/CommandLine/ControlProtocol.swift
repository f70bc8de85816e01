import PositionedYAML

/// The control socket speaks one JSON line each way: `{"command":"status"}`, answered by `{"ok":true,...}` or
/// `{"ok":false,"error":"...","exit":78}`. Host and tool share these types.
public enum ControlCommand: String, CaseIterable, Hashable, Sendable {
    /// Facts about the running broker.
    case status
    /// Ready or not.
    case health
    /// The plugins that run, and how they are.
    case plugins
    /// What the plugins cost: every call of a hook is measured for a second.
    case top
    /// Read the configuration again; answered when it is in force or refused.
    case reload
    /// Drain and end; answered when the drain has begun.
    case stop
}

/// A request on the control socket.
public struct ControlRequest: Hashable, Sendable {
    /// What to do.
    public var command: ControlCommand
    /// `reload NAME`: the plugin to reload; nil = the whole configuration.
    public var name: String?

    /// A request to be sent.
    public init(_ command: ControlCommand, name: String? = nil) {
        self.command = command
        self.name = name
    }

    /// Longest line either side accepts, in bytes.
    public static let maxLineBytes = 1 << 20

    /// The line to send, without its newline.
    public var line: String {
        var members: [(key: String, value: JSONText)] = [("command", .string(command.rawValue))]
        if let name { members.append(("name", .string(name))) }
        return JSONText.object(members).rendered
    }

    /// Reads a line (without newline); the text of the error is fit for an answer.
    public static func parse(_ line: [UInt8]) throws(UsageError) -> ControlRequest {
        guard let root = YAMLParser.parseCollecting(line, file: "request").root, root.entries != nil else {
            throw UsageError("the request is not a JSON object in one line")
        }
        let names = ControlCommand.allCases.map(\.rawValue).joined(separator: ", ")
        guard let word = root["command"]?.text, let command = ControlCommand(rawValue: word) else {
            throw UsageError("no such command; there are \(names)")
        }
        return ControlRequest(command, name: root["name"]?.text)
    }
}

/// An answer on the control socket.
public struct ControlAnswer: Hashable, Sendable {
    /// Whether it was done.
    public var isOK: Bool
    /// Why not; may have several lines.
    public var error: String?
    /// Exit code of the tool: 0 when done, else 1, 2 or 78.
    public var exitCode: Int32
    /// Further members, in order.
    public var members: [(key: String, value: JSONText)] = []

    /// Done, with what is to be told.
    public static func done(_ members: [(key: String, value: JSONText)] = []) -> ControlAnswer {
        ControlAnswer(isOK: true, error: nil, exitCode: 0, members: members)
    }

    /// Not done.
    public static func refused(_ error: String, exitCode: Int32) -> ControlAnswer {
        ControlAnswer(isOK: false, error: error, exitCode: exitCode)
    }

    /// The line to send, without its newline.
    public var line: String {
        var all: [(key: String, value: JSONText)] = [("ok", .boolean(isOK))]
        if let error { all.append(("error", .string(error))) }
        if !isOK { all.append(("exit", JSONText(exitCode))) }
        return JSONText.object(all + members).rendered
    }

    /// Reads a line (without newline); nil when it is no answer.
    public static func parse(_ line: [UInt8]) -> ControlAnswer? {
        guard let root = YAMLParser.parseCollecting(line, file: "answer").root, let isOK = root["ok"]?.boolean
        else { return nil }
        let exit = root["exit"]?.integer.flatMap { Int32(exactly: $0) }
        let members = (root.entries ?? []).filter { !["ok", "error", "exit"].contains($0.name) }
        return ControlAnswer(
            isOK: isOK, error: root["error"]?.text, exitCode: exit ?? (isOK ? 0 : 1),
            members: members.map { (key: $0.name, value: JSONText($0.value)) })
    }

    /// By what is written: members are pairs, which have no conformance of their own.
    public static func == (left: ControlAnswer, right: ControlAnswer) -> Bool { left.line == right.line }

    /// By what is written.
    public func hash(into hasher: inout Hasher) { hasher.combine(line) }
}
