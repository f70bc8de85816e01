internal import Base64Coding
internal import PluginSDK
internal import StrictJSON

/// Messages over HTTP.
enum MessageEndpoints {
    private typealias Parameter = Endpoint.Parameter
    private typealias Outcome = Endpoint.Outcome

    private static let published: [Outcome] = [
        Outcome(
            status: 200, schema: "Published",
            help: "Handed out, and kept where it must be. Without subscribers matched is 0 and reason_code 16."),
        Outcome(
            status: 403, contentType: "application/problem+json", schema: "Problem",
            help: "The broker's rules do not let this message in."),
        Outcome(status: 413, contentType: "application/problem+json", schema: "Problem", help: "Too large."),
        Outcome(status: 429, contentType: "application/problem+json", schema: "Problem", help: "Too much at once."),
    ]

    static let all: [Endpoint] = [
        Endpoint(
            method: "POST", path: "/publish", summary: "Publish: the body is the payload, whatever it is",
            access: .messages,
            parameters: [
                Parameter(name: "topic", kind: .topic, help: "where to", isRequired: true),
                Parameter(name: "qos", kind: .integer(0...2), help: "quality of service (0)"),
                Parameter(name: "retain", kind: .boolean, help: "keep it for later subscribers (false)"),
                Parameter(
                    name: "message_expiry_interval", kind: .integer(1...Int(UInt32.max)),
                    help: "seconds after which nobody is sent it any more"),
            ], body: .bytes, outcomes: published
        ) { (api, call) async throws(Problem) in
            var message = MessageToPublish(topic: call.query["topic"] ?? "")
            message.payload = try await call.body(limit: api.settings.maximumBody)
            message.qos = call.query["qos"].flatMap { Int($0) } ?? 0
            message.retain = call.query["retain"] == "true"
            message.expiry = call.query["message_expiry_interval"].flatMap { UInt32($0) }
            // What curl says about everything says nothing.
            let type = call.request.headers[.contentType]
            message.contentType = type == "application/x-www-form-urlencoded" ? nil : type
            return try await Publishing.publish(message, api, call)
        },
        Endpoint(
            method: "POST", path: "/api/v1/publish", summary: "Publish a message with properties, as JSON",
            access: .messages, body: .json(schema: "Message"), outcomes: published
        ) { (api, call) async throws(Problem) in
            let message = try MessageToPublish(json: try await call.body(limit: api.settings.maximumBody))
            return try await Publishing.publish(message, api, call)
        },
        Endpoint(
            method: "GET", path: "/subscribe", summary: "Messages as server-sent events; retained ones first",
            access: .messages,
            parameters: [
                Parameter(
                    name: "filter", kind: .filter, help: "topic filter, may be given several times", isRequired: true,
                    isRepeated: true),
                Parameter(name: "qos", kind: .integer(0...1), help: "highest quality of service (0)"),
            ],
            outcomes: [
                Outcome(
                    status: 200, contentType: "text/event-stream", schema: "Events",
                    help: "Until either side ends it."),
                Outcome(
                    status: 403, contentType: "application/problem+json", schema: "Problem",
                    help: "The broker's rules do not allow this subscription."),
            ]
        ) { (api, call) async throws(Problem) in
            let filters = call.query.all("filter")
            guard filters.count <= 100 else { throw .invalid("at most 100 filters") }
            if let wrong = filters.first(where: { !api.host.isValidFilter($0) || $0.utf8.count > 65_535 }) {
                throw .invalid("'\(wrong)' is not a topic filter")
            }
            if call.method == "HEAD" { return Answer(contentType: "text/event-stream") }
            if case .token = call.caller {
                throw .forbidden(
                    "a token of the API opens the administration; subscribe as an MQTT client: 'Authorization: Basic', "
                        + "or 'Bearer' with a token that the auth plugin knows")
            }
            return try await api.subscriptions.subscribe(
                call, filters, qos: call.query["qos"].flatMap { UInt8($0) } ?? 0, try call.credentials)
        },
    ]
}

/// A message on its way in.
struct MessageToPublish: Sendable {
    var topic: String
    var payload: [UInt8] = []
    var qos = 0
    var retain = false
    /// Seconds.
    var expiry: UInt32?
    var contentType: String?
    var responseTopic: String?
    var correlationData: [UInt8]?
    var isText: Bool?
    var user: [(name: String, value: String)] = []

    init(topic: String) { self.topic = topic }

    /// Reads the envelope of `POST /api/v1/publish`.
    init(json bytes: [UInt8]) throws(Problem) {
        let document = try JSONBody.read(
            bytes, ["topic", "payload", "payload_encoding", "qos", "retain", "properties"])
        guard let topic = document["topic"]?.text else { throw .invalid("the member 'topic' is missing, or no text") }
        self.init(topic: topic)
        payload = try Self.payload(document)
        qos = Int(try Self.integer(document["qos"], "qos", 0...2) ?? 0)
        retain = try Self.boolean(document["retain"], "retain") ?? false
        guard let properties = document["properties"] else { return }
        guard let members = properties.members else { throw .invalid("'properties' is not an object") }
        try take(members)
    }

    private mutating func take(_ members: [String: JSONValue]) throws(Problem) {
        let known: Set = [
            "content_type", "response_topic", "correlation_data", "payload_format_indicator",
            "message_expiry_interval", "user",
        ]
        if let other = members.keys.filter({ !known.contains($0) }).min() {
            throw .invalid("there is no property '\(other)'; there are \(known.sorted().joined(separator: ", "))")
        }
        contentType = try Self.text(members["content_type"], "content_type")
        responseTopic = try Self.text(members["response_topic"], "response_topic")
        if let text = try Self.text(members["correlation_data"], "correlation_data") {
            guard let bytes = Base64.decodePadded(text) else { throw .invalid("'correlation_data' is not base64") }
            correlationData = bytes
        }
        isText = try Self.integer(
            members["payload_format_indicator"], "payload_format_indicator", 0...1
        ).map { $0 == 1 }
        expiry = try Self.integer(
            members["message_expiry_interval"], "message_expiry_interval", 1...Int64(UInt32.max)
        ).flatMap { UInt32(exactly: $0) }
        guard let pairs = members["user"] else { return }
        guard let list = pairs.elements else { throw .invalid("'user' is not a list of pairs: [[\"k\",\"v\"]]") }
        for pair in list {
            guard let texts = pair.elements, texts.count == 2, let name = texts[0].text, let value = texts[1].text
            else {
                throw .invalid("'user' is not a list of pairs: [[\"k\",\"v\"]]")
            }
            user.append((name, value))
        }
    }

    private static func payload(_ document: [String: JSONValue]) throws(Problem) -> [UInt8] {
        let text = try Self.text(document["payload"], "payload") ?? ""
        switch try Self.text(document["payload_encoding"], "payload_encoding") ?? "plain" {
        case "plain": return Array(text.utf8)
        case "base64":
            guard let bytes = Base64.decodePadded(text) else { throw .invalid("'payload' is not base64") }
            return bytes
        case let other: throw .invalid("'\(other)' is not a payload_encoding: plain or base64")
        }
    }

    private static func text(_ value: JSONValue?, _ name: String) throws(Problem) -> String? {
        guard let value else { return nil }
        guard let text = value.text else { throw .invalid("'\(name)' is not a text") }
        return text
    }

    private static func boolean(_ value: JSONValue?, _ name: String) throws(Problem) -> Bool? {
        guard let value else { return nil }
        guard case .boolean(let flag) = value else { throw .invalid("'\(name)' is neither true nor false") }
        return flag
    }

    private static func integer(
        _ value: JSONValue?, _ name: String, _ range: ClosedRange<Int64>
    ) throws(Problem) -> Int64? {
        guard let value else { return nil }
        let exact: Int64? =
            switch value {
            case .integer(let integer): integer
            // 1.0 is an integer, too.
            case .number(let number): Int64(exactly: number)
            default: nil
            }
        guard let number = exact, range.contains(number) else {
            throw .invalid("'\(name)' is not a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }
}
