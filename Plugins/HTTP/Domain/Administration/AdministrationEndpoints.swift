/// The endpoints of operators: each is a command of the broker's administration (docs/administration.md).
enum AdministrationEndpoints {
    private typealias Parameter = Endpoint.Parameter
    private typealias Outcome = Endpoint.Outcome

    private static let clientID = Parameter(
        name: "client_id", kind: .text, help: "the client identifier, percent-encoded", isRequired: true)
    private static let limit = Parameter(name: "limit", kind: .integer(1...1000), help: "items of a page (100)")
    private static let cursor = Parameter(
        name: "cursor", kind: .text, help: "next_cursor of the page before; without it the first page")
    private static let connected = Parameter(
        name: "connected", kind: .boolean, help: "only those that are connected, or that are not")
    private static let reasonCode = Parameter(
        name: "reason_code", kind: .reasonCode, help: "what MQTT 5.0 clients are told (0x98)")
    private static let id = Parameter(name: "id", kind: .text, help: "id in plugins.yaml", isRequired: true)
    private static let notFound = Outcome(
        status: 404, contentType: "application/problem+json", schema: "Problem", help: "There is none.")
    private static let refused = Outcome(
        status: 422, contentType: "application/problem+json", schema: "Refusal", help: "Nothing was changed, and why.")
    private static let done = Outcome(status: 204, contentType: "", help: "Done.")

    static let all: [Endpoint] = sessions + subscriptions + retained + topics + broker + changes

    /// What was given of these query parameters, as parameters of a command.
    private static func given(_ call: Call, _ parameters: [Parameter]) -> [(name: String, value: JSON)] {
        parameters.compactMap { parameter -> (name: String, value: JSON)? in
            guard let text = call.query[parameter.name] ?? call.parameters[parameter.name] else { return nil }
            switch parameter.kind {
            case .text, .topic, .filter: return (name: parameter.name, value: JSON.string(text))
            case .boolean: return (name: parameter.name, value: JSON.boolean(text == "true"))
            case .integer: return Parameter.integer(text).map { (name: parameter.name, value: JSON.count($0)) }
            case .reasonCode: return Parameter.reasonCode(text).map { (name: parameter.name, value: JSON.count($0)) }
            }
        }
    }

    /// A GET that is answered with what a command says.
    private static func look(
        _ path: String, _ summary: String, _ command: String, _ schema: String, _ parameters: [Parameter] = [],
        mayBeMissing: Bool = false
    ) -> Endpoint {
        Endpoint(
            method: "GET", path: path, summary: summary, access: .role(.read), parameters: parameters,
            outcomes: [Outcome(status: 200, schema: schema, help: "As asked for.")]
                + (mayBeMissing || parameters.contains { $0.name == "cursor" } ? [notFound] : [])
        ) { (api, call) async throws(Problem) in
            try await page(api, call, command, parameters)
        }
    }

    /// The answer of a command, with the parameters that were given.
    private static func page(
        _ api: API, _ call: Call, _ command: String, _ parameters: [Parameter]
    ) async throws(Problem) -> Answer {
        do throws(Problem) {
            return try await Administration.answer(api.host, command, given(call, parameters))
        } catch {
            guard error.status == 400, call.query["cursor"] != nil else { throw error }
            throw .notFound("there is no page at this cursor (\(error.detail)); begin without one")
        }
    }

    /// A DELETE that a command does.
    private static func remove(
        _ path: String, _ summary: String, _ command: String, _ parameters: [Parameter]
    ) -> Endpoint {
        Endpoint(
            method: "DELETE", path: path, summary: summary, access: .role(.operate), parameters: parameters,
            outcomes: [done, notFound]
        ) { (api, call) async throws(Problem) in
            try await Administration.done(api.host, command, given(call, parameters))
        }
    }

    private static let sessions: [Endpoint] = [
        look(
            "/api/v1/clients", "Clients: the sessions, by default connected or not", "clients",
            "SessionList", [connected, limit, cursor]),
        look(
            "/api/v1/clients/{client_id}", "One client", "client", "Session", [clientID], mayBeMissing: true),
        remove(
            "/api/v1/clients/{client_id}", "Close the connection; the session stays", "disconnect",
            [clientID, reasonCode]),
        look("/api/v1/sessions", "Sessions", "sessions", "SessionList", [connected, limit, cursor]),
        look(
            "/api/v1/sessions/{client_id}", "One session", "session", "Session", [clientID], mayBeMissing: true),
        remove(
            "/api/v1/sessions/{client_id}", "Close the connection and forget everything", "delete_session",
            [clientID, reasonCode]),
    ]

    private static let subscriptions: [Endpoint] = [
        look(
            "/api/v1/subscriptions", "Subscriptions of all sessions, of one, or those that match a topic",
            "subscriptions", "SubscriptionList",
            [
                Parameter(name: "client_id", kind: .text, help: "only those of this client"),
                Parameter(name: "topic", kind: .topic, help: "only those whose filter matches this topic name"),
                limit, cursor,
            ], mayBeMissing: true)
    ]

    private static let topicName = Parameter(
        name: "topic", kind: .topic, help: "the topic name, percent-encoded", isRequired: true)

    private static let retained: [Endpoint] = [
        look(
            "/api/v1/retained", "Retained messages without their payloads", "retained", "RetainedList",
            [Parameter(name: "filter", kind: .filter, help: "only topics that it matches (#)"), limit, cursor]),
        look(
            "/api/v1/retained/{topic}", "One retained message with its payload", "retained_message",
            "RetainedMessage", [topicName], mayBeMissing: true),
        remove("/api/v1/retained/{topic}", "Clear a retained message", "delete_retained", [topicName]),
    ]

    private static let topics: [Endpoint] = [
        Endpoint(
            method: "GET", path: "/api/v1/topics",
            summary: "Topics that were published to lately; with topic= what the broker knows of that one",
            access: .role(.read),
            parameters: [Parameter(name: "topic", kind: .topic, help: "a topic name"), limit, cursor],
            outcomes: [Outcome(status: 200, schema: "TopicListOrTopic", help: "As asked for."), notFound]
        ) { (api, call) async throws(Problem) in
            if let topic = call.query["topic"] {
                return try await Administration.answer(api.host, "topic", [("topic", .string(topic))])
            }
            return try await page(api, call, "topics", [limit, cursor])
        },
        look(
            "/api/v1/topics/{topic}/stats", "What the broker knows of a topic", "topic", "Topic", [topicName]),
    ]

    private static let broker: [Endpoint] = [
        look("/api/v1/status", "Numbers of the whole broker", "status", "Any"),
        look("/api/v1/config", "Every setting, its value and where that comes from", "config", "Any"),
        Endpoint(
            method: "GET", path: "/api/v1/listeners", summary: "Listeners of MQTT", access: .role(.read),
            outcomes: [Outcome(status: 200, schema: "ItemList", help: "All of them.")]
        ) { (api, _) async throws(Problem) in try await Administration.list(api.host, "listeners", "items") },
        Endpoint(
            method: "GET", path: "/api/v1/plugins", summary: "Plugins, and how they are", access: .role(.read),
            outcomes: [Outcome(status: 200, schema: "ItemList", help: "All of them.")]
        ) { (api, _) async throws(Problem) in try await Administration.list(api.host, "plugins", "plugins") },
    ]

    /// A POST that changes what runs.
    private static func change(
        _ path: String, _ summary: String, _ command: String, hasName: Bool = true
    ) -> Endpoint {
        Endpoint(
            method: "POST", path: path, summary: summary, access: .role(.operate), parameters: hasName ? [id] : [],
            outcomes: [Outcome(status: 200, schema: "Change", help: "What has changed."), refused]
                + (hasName ? [notFound] : [])
        ) { (api, call) async throws(Problem) in
            let name = call.parameters["id"].map { [(name: "name", value: JSON.string($0))] } ?? []
            return try await Administration.answer(api.host, command, name)
        }
    }

    private static let changes: [Endpoint] = [
        change("/api/v1/reload", "Read plugins.yaml again, as 'hookline reload' does", "reload", hasName: false),
        change("/api/v1/plugins/{id}/reload", "Load the code of a plugin anew", "reload"),
        change("/api/v1/plugins/{id}/enable", "Start a plugin, and keep that over restarts", "enable"),
        change("/api/v1/plugins/{id}/disable", "Stop a plugin, and keep that over restarts", "disable"),
        Endpoint(
            method: "POST", path: "/test/reset", summary: "Test mode only: forget all sessions and retained messages",
            access: .role(.operate), outcomes: [done]
        ) { (api, _) async throws(Problem) in try await Administration.done(api.host, "test_reset") },
        Endpoint(
            method: "POST", path: "/test/settle", summary: "Test mode only: answer when nothing is in flight",
            access: .role(.operate), outcomes: [done]
        ) { (api, _) async throws(Problem) in try await Administration.done(api.host, "test_settle") },
    ]
}
