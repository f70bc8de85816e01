/// One thing the API can be asked: what the server checks, what runs, and what the OpenAPI document says about it, all
/// from one place.
struct Endpoint: Sendable {
    /// Who may.
    enum Access: Sendable {
        /// Everybody, and credentials are not looked at.
        case open
        /// Whoever the broker lets in as an MQTT client; the rest is decided by its rules.
        case messages
        /// A role in the administration.
        case role(Role)
    }

    /// A value in the path or in the query.
    struct Parameter: Sendable {
        enum Kind: Sendable {
            case text
            /// A topic name of MQTT.
            case topic
            /// A topic filter of MQTT.
            case filter
            case boolean
            case integer(ClosedRange<Int>)
            /// A number, decimal or `0x` and hexadecimal: an MQTT reason code.
            case reasonCode
        }

        var name: String
        var kind: Kind
        var help: String
        var isRequired = false
        /// May be given several times.
        var isRepeated = false
    }

    /// What a request carries.
    enum Body: Sendable {
        case none
        /// Any bytes.
        case bytes
        /// JSON by the schema of this name.
        case json(schema: String)
    }

    /// An answer that may be given.
    struct Outcome: Sendable {
        var status: Int
        /// Empty: no body.
        var contentType = "application/json"
        /// Name of the schema of the body.
        var schema = ""
        var help: String
    }

    /// Upper case.
    var method: String
    /// "/api/v1/clients/{client_id}"
    var path: String
    var summary: String
    var access: Access
    /// Those of the path first.
    var parameters: [Parameter] = []
    var body = Body.none
    /// Beside those that every endpoint has.
    var outcomes: [Outcome]
    /// Answers. The checks of access and parameters are done.
    var run: @Sendable (API, Call) async throws(Problem) -> Answer

    /// The parts of the path behind the first '/'.
    var segments: [Substring] { Array(path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()) }

    /// Values of the `{names}`; nil: it is another path.
    func match(_ given: [String]) -> [String: String]? {
        let own = segments
        guard own.count == given.count else { return nil }
        var values: [String: String] = [:]
        for (pattern, segment) in zip(own, given) {
            if pattern.first == "{", pattern.last == "}" {
                guard !segment.isEmpty else { return nil }
                values[String(pattern.dropFirst().dropLast())] = segment
            } else if pattern != segment {
                return nil
            }
        }
        return values
    }

    /// Refuses query parameters that are not declared, or not of their kind.
    func check(_ query: Query) throws(Problem) {
        for item in query.items {
            guard let parameter = parameters.first(where: { $0.name == item.name && !isInPath($0) }) else {
                throw .invalid("there is no parameter '\(item.name)' here")
            }
            guard parameter.accepts(item.value) else {
                throw .invalid("'\(item.value)' is not a value of '\(item.name)': \(parameter.expected)")
            }
            guard parameter.isRepeated || query.all(item.name).count == 1 else {
                throw .invalid("'\(item.name)' is there more than once")
            }
        }
        if let missing = parameters.first(where: { $0.isRequired && !isInPath($0) && query[$0.name] == nil }) {
            throw .invalid("'\(missing.name)' is missing: \(missing.help)")
        }
    }

    /// Whether a parameter is a part of the path.
    func isInPath(_ parameter: Parameter) -> Bool { path.contains("{\(parameter.name)}") }
}

extension Endpoint.Parameter {
    /// Whether a value is of the kind.
    func accepts(_ value: String) -> Bool {
        switch kind {
        case .text: !isRequired || !value.isEmpty
        case .topic: !value.isEmpty && !value.utf8.contains { [0, UInt8(ascii: "#"), UInt8(ascii: "+")].contains($0) }
        case .filter: !value.isEmpty && !value.utf8.contains(0)
        case .boolean: value == "true" || value == "false"
        case .integer(let range): Self.integer(value).map(range.contains) ?? false
        case .reasonCode: Self.reasonCode(value) != nil
        }
    }

    /// What would be a value.
    var expected: String {
        switch kind {
        case .text: "it must not be empty"
        case .topic: "a topic name, without wildcards and not empty"
        case .filter: "a topic filter, not empty"
        case .boolean: "true or false"
        case .integer(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
        case .reasonCode: "an MQTT reason code such as 0x98 or 152"
        }
    }

    /// Digits, and nothing else.
    static func integer(_ text: String) -> Int? {
        text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int(text) : nil
    }

    /// "0x98" or "152"; nil when it is no code with which a server disconnects.
    static func reasonCode(_ text: String) -> Int? {
        let number = text.hasPrefix("0x") ? Int(text.dropFirst(2), radix: 16) : integer(text)
        guard let number, number == 0 || (0x80...0xA2).contains(number) else { return nil }
        return number
    }
}
