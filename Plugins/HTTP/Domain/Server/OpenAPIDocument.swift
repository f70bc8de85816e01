/// The API as OpenAPI 3.1, made from the endpoints, so that it cannot say anything else than what they do.
enum OpenAPIDocument {
    /// The document.
    static func text(of endpoints: [Endpoint]) -> JSON {
        var paths: [(name: String, value: JSON)] = []
        for path in endpoints.map(\.path).reduced() {
            let operations = endpoints.filter { $0.path == path }
            let members = operations.map { (name: $0.method.lowercased(), value: operation($0)) }
            paths.append((name: path, value: .object(members)))
        }
        let information: JSON = .object([
            ("title", "Hookline"), ("version", "1.0.0"),
            ("description", "Messages, administration and health of a Hookline MQTT broker."),
        ])
        // Log-in may or may not be required: off loopback it always is.
        let none = JSON.object([])
        let security: JSON = .array([
            none, .object([("basic", .array([]))]), .object([("bearer", .array([]))]),
        ])
        return .object([
            ("openapi", "3.1.0"), ("info", information), ("security", security), ("paths", .object(paths)),
            ("components", components),
        ])
    }

    private static var components: JSON {
        let schemas = OpenAPISchemas.all.map { (name: $0.name, value: JSON.text($0.text)) }
        let basic: JSON = .object([("type", "http"), ("scheme", "basic")])
        let bearer: JSON = .object([("type", "http"), ("scheme", "bearer")])
        let schemes: JSON = .object([("basic", basic), ("bearer", bearer)])
        return .object([("schemas", .object(schemas)), ("securitySchemes", schemes)])
    }

    private static func operation(_ endpoint: Endpoint) -> JSON {
        var members: [(name: String, value: JSON)] = [("summary", .string(endpoint.summary))]
        if case .open = endpoint.access { members.append(("security", .array([]))) }
        if !endpoint.parameters.isEmpty {
            members.append(("parameters", .array(endpoint.parameters.map { parameter($0, of: endpoint) })))
        }
        switch endpoint.body {
        case .none: break
        case .bytes:
            // An empty schema: any bytes of any media type.
            let content = JSON.object([("application/octet-stream", .object([("schema", .object([]))]))])
            members.append(("requestBody", .object([("required", .boolean(false)), ("content", content)])))
        case .json(let name):
            let content = JSON.object([("application/json", .object([("schema", reference(name))]))])
            members.append(("requestBody", .object([("required", .boolean(true)), ("content", content)])))
        }
        members.append(("responses", .object(responses(endpoint))))
        return .object(members)
    }

    private static func parameter(_ parameter: Endpoint.Parameter, of endpoint: Endpoint) -> JSON {
        let isInPath = endpoint.isInPath(parameter)
        return .object([
            ("name", .string(parameter.name)), ("in", isInPath ? "path" : "query"),
            ("required", .boolean(isInPath || parameter.isRequired)), ("description", .string(parameter.help)),
            ("schema", schema(parameter)),
        ])
    }

    private static func schema(_ parameter: Endpoint.Parameter) -> JSON {
        let one: JSON =
            switch parameter.kind {
            case .text where parameter.isRequired:
                .object([
                    ("type", "string"), ("minLength", .integer(1)), ("pattern", .string(OpenAPISchemas.textPattern)),
                ])
            case .text: .object([("type", "string")])
            case .topic: .object([("type", "string"), ("pattern", .string(OpenAPISchemas.topicPattern))])
            case .filter:
                .object([
                    ("type", "string"), ("minLength", .integer(1)), ("pattern", .string(OpenAPISchemas.filterPattern)),
                ])
            case .boolean: .object([("type", "boolean")])
            case .integer(let range):
                .object([
                    ("type", "integer"), ("minimum", .count(range.lowerBound)), ("maximum", .count(range.upperBound)),
                ])
            case .reasonCode:
                .object([("type", "string"), ("pattern", "^(0x(8[0-9A-Fa-f]|9[0-9A-Fa-f]|[Aa][0-2])|0)$")])
            }
        guard parameter.isRepeated else { return one }
        return .object([
            ("type", "array"), ("items", one), ("minItems", .integer(1)), ("maxItems", .integer(100)),
        ])
    }

    private static func responses(_ endpoint: Endpoint) -> [(name: String, value: JSON)] {
        var responses: [(Int, JSON)] = endpoint.outcomes.map { ($0.status, response($0)) }
        func add(_ status: Int, _ help: String) {
            guard !responses.contains(where: { $0.0 == status }) else { return }
            responses.append(
                (
                    status,
                    response(
                        Endpoint.Outcome(
                            status: status, contentType: "application/problem+json", schema: "Problem", help: help))
                ))
        }
        add(400, "The request is not valid.")
        add(403, "Not allowed.")
        if case .open = endpoint.access {
        } else {
            add(401, "Say who you are.")
            add(501, "This broker cannot do that.")
        }
        if endpoint.path.contains("{") { add(404, "There is none.") }
        if case .none = endpoint.body {} else { add(413, "The body is too large.") }
        add(421, "The header Host names another server.")
        add(503, "Not now; try again.")
        return responses.sorted { $0.0 < $1.0 }.map { (name: String($0.0), value: $0.1) }
    }

    private static func response(_ outcome: Endpoint.Outcome) -> JSON {
        var members: [(name: String, value: JSON)] = [("description", .string(outcome.help))]
        if !outcome.contentType.isEmpty {
            members.append(
                (
                    "content",
                    .object([(outcome.contentType, .object([("schema", reference(outcome.schema))]))])
                ))
        }
        return .object(members)
    }

    private static func reference(_ name: String) -> JSON {
        .object([("$ref", .string("#/components/schemas/\(name)"))])
    }
}

extension [String] {
    /// Each once, in the order of its first appearance.
    fileprivate func reduced() -> [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}
