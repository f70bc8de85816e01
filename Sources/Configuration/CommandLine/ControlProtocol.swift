import PositionedYAML
import StrictJSON

/// The control socket speaks one JSON line each way: `{"command":"status"}`, answered by `{"ok":true,...}` or
/// `{"ok":false,"error":"...","exit":78,"kind":"refused"}`. Host and tool share these types; docs/administration.md is
/// the contract.
public struct ControlRequest: Hashable, Sendable {
    /// What to do.
    public var command: ControlCommand
    /// With what.
    public var parameters: ControlParameters

    /// `reload NAME`: the plugin to reload; nil = the whole configuration.
    public var name: String? { parameters["name"].flatMap { if case .string(let text) = $0 { text } else { nil } } }

    /// A request to be sent.
    public init(_ command: ControlCommand, name: String? = nil) {
        self.init(command, name.map { ["name": .string($0)] } ?? [:])
    }

    /// A request with parameters.
    public init(_ command: ControlCommand, _ parameters: ControlParameters) {
        self.command = command
        self.parameters = parameters
    }

    /// Longest request, in bytes.
    public static let maxLineBytes = 1 << 20

    /// The line to send, without its newline.
    public var line: String {
        JSONText.object([("command", .string(command.rawValue))] + parameters.members).rendered
    }

    /// Reads a line (without newline); the text of the error is fit for an answer.
    public static func parse(_ line: [UInt8]) throws(UsageError) -> ControlRequest {
        var members = try members(of: line, what: "the request")
        let names = ControlCommand.allCases.map(\.rawValue).joined(separator: ", ")
        guard let word = members.removeValue(forKey: "command")?.text, let command = ControlCommand(rawValue: word)
        else { throw UsageError("no such command; there are \(names)") }
        return ControlRequest(command, try ControlParameters(members, of: command))
    }

    /// As a plugin asks: the argument is empty, a JSON object of parameters, or the name that a command takes.
    public static func parse(_ command: ControlCommand, argument: [UInt8]) throws(UsageError) -> ControlRequest {
        guard !argument.isEmpty else { return ControlRequest(command) }
        guard argument.first == UInt8(ascii: "{") else {
            let name = String(decoding: argument, as: UTF8.self)
            return ControlRequest(command, try ControlParameters(["name": .string(name)], of: command))
        }
        return ControlRequest(
            command, try ControlParameters(try members(of: argument, what: "the argument"), of: command))
    }

    private static func members(of bytes: [UInt8], what: String) throws(UsageError) -> [String: JSONValue] {
        do throws(JSONError) {
            if let members = try JSONValue(parsing: bytes).members { return members }
        } catch {
            throw UsageError("\(what) is not a JSON object in one line (\(error))")
        }
        throw UsageError("\(what) is not a JSON object in one line")
    }
}

/// An answer on the control socket.
public struct ControlAnswer: Hashable, Sendable {
    /// Why something was not done; each has a status of the plugin interface and of HTTP.
    public enum Kind: String, CaseIterable, Hashable, Sendable {
        /// A parameter is missing or wrong.
        case invalid
        /// There is no such client, topic, plugin or setting.
        case notFound = "not_found"
        /// The configuration would be wrong; nothing was changed.
        case refused
        /// Not in this broker: of test mode only.
        case notAllowed = "not_allowed"
        /// Starting, stopping, or a loop does not answer.
        case unavailable

        /// Exit code of the tool.
        public var exitCode: Int32 {
            switch self {
            case .invalid: 2
            case .refused: 78
            case .notFound, .notAllowed, .unavailable: 1
            }
        }
    }

    /// Whether it was done.
    public var isOK: Bool
    /// Why not; may have several lines.
    public var error: String?
    /// Exit code of the tool: 0 when done, else 1, 2 or 78.
    public var exitCode: Int32
    /// Nil when it was done.
    public var kind: Kind?
    /// Further members, in order.
    public var members: [(key: String, value: JSONText)] = []

    /// Longest answer that either side accepts, in bytes.
    public static let maxLineBytes = 16 << 20

    /// Done, with what is to be told.
    public static func done(_ members: [(key: String, value: JSONText)] = []) -> ControlAnswer {
        ControlAnswer(isOK: true, error: nil, exitCode: 0, members: members)
    }

    /// Not done.
    public static func refused(_ error: String, _ kind: Kind) -> ControlAnswer {
        ControlAnswer(isOK: false, error: error, exitCode: kind.exitCode, kind: kind)
    }

    /// The line to send, without its newline.
    public var line: String {
        var all: [(key: String, value: JSONText)] = [("ok", .boolean(isOK))]
        if let error { all.append(("error", .string(error))) }
        if !isOK { all.append(("exit", JSONText(exitCode))) }
        if let kind { all.append(("kind", .string(kind.rawValue))) }
        return JSONText.object(all + members).rendered
    }

    /// Reads a line (without newline); nil when it is no answer.
    public static func parse(_ line: [UInt8]) -> ControlAnswer? {
        let limits = YAMLLimits(maxBytes: maxLineBytes, maxNodes: 1_000_000)
        guard let root = YAMLParser.parseCollecting(line, file: "answer", limits: limits).root,
            let isOK = root["ok"]?.boolean
        else { return nil }
        let exit = root["exit"]?.integer.flatMap { Int32(exactly: $0) }
        let members = (root.entries ?? []).filter { !["ok", "error", "exit", "kind"].contains($0.name) }
        return ControlAnswer(
            isOK: isOK, error: root["error"]?.text, exitCode: exit ?? (isOK ? 0 : 1),
            kind: root["kind"]?.text.flatMap { Kind(rawValue: $0) },
            members: members.map { (key: $0.name, value: JSONText($0.value)) })
    }

    /// By what is written: members are pairs, which have no conformance of their own.
    public static func == (left: ControlAnswer, right: ControlAnswer) -> Bool { left.line == right.line }

    /// By what is written.
    public func hash(into hasher: inout Hasher) { hasher.combine(line) }
}
