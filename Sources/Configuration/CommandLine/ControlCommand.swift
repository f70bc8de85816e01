import StrictJSON

/// What can be asked of a running broker, over the control socket or by a plugin (docs/administration.md).
public enum ControlCommand: String, CaseIterable, Hashable, Sendable {
    /// Facts about the running broker.
    case status
    /// Whether the event loops answer.
    case health
    /// Whether it serves, and what is missing.
    case ready
    /// The plugins that run, and how they are.
    case plugins
    /// What the plugins cost: every call of a hook is measured for a second.
    case top
    /// Read the configuration again; answered when it is in force or refused.
    case reload
    /// Drain and end; answered when the drain has begun.
    case stop
    /// A page of sessions, connected or not.
    case clients
    /// The same.
    case sessions
    /// One session.
    case client
    /// The same.
    case session
    /// A page of subscriptions.
    case subscriptions
    /// A page of topics that were published to lately.
    case topics
    /// Who receives a topic, and its retained message.
    case topic
    /// A page of retained messages, without payloads.
    case retained
    /// One retained message.
    case retainedMessage = "retained_message"
    /// The listeners that are open.
    case listeners
    /// Every setting, with who set it.
    case config
    /// Close a connection; the session stays.
    case disconnect
    /// Close a connection and forget the session.
    case deleteSession = "delete_session"
    /// Clear a retained message.
    case deleteRetained = "delete_retained"
    /// Switch a plugin on, in the run-time overlay.
    case enable
    /// Switch a plugin off, in the run-time overlay.
    case disable
    /// Show the levels of the log, or change one of them until the next reload.
    case log
    /// Set one key in the run-time overlay.
    case configSet = "config_set"
    /// Take a key, or all, out of the run-time overlay.
    case configReset = "config_reset"
    /// Test mode: forget sessions, queues and retained messages.
    case testReset = "test_reset"
    /// Test mode: wait until nothing is in flight.
    case testSettle = "test_settle"

    /// The parameters it takes; any other is an error.
    public var parameters: [String] {
        switch self {
        case .status, .health, .ready, .plugins, .top, .stop, .listeners, .config, .testReset, .testSettle: []
        case .reload, .enable, .disable: ["name"]
        case .clients, .sessions: ["limit", "cursor", "connected"]
        case .client, .session: ["client_id"]
        case .subscriptions: ["limit", "cursor", "client_id", "topic"]
        case .topics: ["limit", "cursor"]
        case .topic, .retainedMessage, .deleteRetained: ["topic"]
        case .retained: ["limit", "cursor", "filter"]
        case .disconnect, .deleteSession: ["client_id", "reason_code"]
        case .log: ["component", "level"]
        case .configSet: ["path", "value"]
        case .configReset: ["path"]
        }
    }
}

/// The parameters of a request, by name.
public struct ControlParameters: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    private var values: [String: JSONText]

    /// Parameters in hand.
    public init(dictionaryLiteral elements: (String, JSONText)...) {
        values = Dictionary(elements) { _, last in last }
    }

    /// What came from outside: every parameter must be one of the command's. Null is the same as none.
    init(_ members: [String: JSONValue], of command: ControlCommand) throws(UsageError) {
        values = [:]
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            guard command.parameters.contains(name) else {
                let known = command.parameters.joined(separator: ", ")
                throw UsageError(
                    "\(command.rawValue) has no parameter '\(name)'; it takes \(known.isEmpty ? "none" : known)")
            }
            if value != .null { values[name] = JSONText(value) }
        }
    }

    /// The value of a parameter, if it was given.
    public subscript(name: String) -> JSONText? {
        get { values[name] }
        set { values[name] = newValue }
    }

    /// In the order of their names.
    var members: [(key: String, value: JSONText)] {
        values.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) }
    }

    /// A text, if it was given.
    public func text(_ name: String) throws(UsageError) -> String? {
        switch values[name] {
        case nil: return nil
        case .string(let text)?: return text
        case let other?: throw UsageError("\(name): \(other.rendered) is not a text")
        }
    }

    /// A text that must be given and not be empty.
    public func required(_ name: String) throws(UsageError) -> String {
        guard let text = try text(name), !text.isEmpty else { throw UsageError("\(name) is missing") }
        return text
    }

    /// A whole number in a range, if it was given.
    public func integer(_ name: String, in range: ClosedRange<Int>) throws(UsageError) -> Int? {
        switch values[name] {
        case nil: return nil
        case .integer(let number)?:
            if let number = Int(exactly: number), range.contains(number) { return number }
            throw UsageError("\(name): \(number) is not in the range \(range.lowerBound) to \(range.upperBound)")
        case let other?: throw UsageError("\(name): \(other.rendered) is not a whole number")
        }
    }

    /// True or false, if it was given.
    public func boolean(_ name: String) throws(UsageError) -> Bool? {
        switch values[name] {
        case nil: return nil
        case .boolean(let value)?: return value
        case let other?: throw UsageError("\(name): \(other.rendered) is neither true nor false")
        }
    }
}

extension JSONText {
    /// A value that was read.
    init(_ value: JSONValue) {
        switch value {
        case .null: self = .null
        case .boolean(let value): self = .boolean(value)
        case .integer(let value): self = .integer(value)
        case .number(let value): self = .number(value)
        case .string(let value): self = .string(value)
        case .array(let elements): self = .array(elements.map { JSONText($0) })
        case .object(let members):
            self = .object(members.sorted { $0.key < $1.key }.map { (key: $0.key, value: JSONText($0.value)) })
        }
    }
}
