/// Everything the API can be asked, in the order in which paths are matched.
enum Endpoints {
    /// Of the API's own server.
    static let all: [Endpoint] =
        HealthEndpoints.all + MessageEndpoints.all + AdministrationEndpoints.all + ConfigurationEndpoints.all
        + [description]
    /// Of the server for health.
    static let health: [Endpoint] = HealthEndpoints.all

    private static let description = Endpoint(
        method: "GET", path: "/api/v1/openapi.json", summary: "This description", access: .role(.read),
        outcomes: [Endpoint.Outcome(status: 200, schema: "Any", help: "OpenAPI 3.1.")]
    ) { (_, _) async throws(Problem) in Answer(document) }

    private static let document = OpenAPIDocument.text(of: all).bytes
}
