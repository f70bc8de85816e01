internal import StrictJSON

/// What probes ask: no log-in, and no more than they need.
enum HealthEndpoints {
    private static func outcomes(_ schema: String) -> [Endpoint.Outcome] {
        [
            Endpoint.Outcome(status: 200, schema: schema, help: "Yes."),
            Endpoint.Outcome(status: 503, schema: schema, help: "No, and why."),
        ]
    }

    static let all: [Endpoint] = [
        Endpoint(
            method: "GET", path: "/health", summary: "Liveness: every event loop answers", access: .open,
            outcomes: outcomes("Health")
        ) { (api, _) async throws(Problem) in
            do throws(Problem) {
                _ = try await Administration.ask(api.host, "health")
                return .json(.object([("status", "ok")]))
            } catch {
                return .json(.object([("status", "failed"), ("detail", .string(error.detail))]), status: 503)
            }
        },
        Endpoint(
            method: "GET", path: "/ready", summary: "Readiness: clients may be sent here", access: .open,
            outcomes: outcomes("Readiness")
        ) { (api, _) async throws(Problem) in
            do throws(Problem) {
                let text = try await Administration.ask(api.host, "ready")
                let isReady = (try? JSONValue(parsing: Array(text.utf8)))?["ready"] == .boolean(true)
                return .json(.text(text), status: isReady ? 200 : 503)
            } catch {
                return .json(
                    .object([
                        ("ready", .boolean(false)), ("status", "failed"),
                        ("checks", .object([("broker", .string(error.detail))])),
                    ]), status: 503)
            }
        },
        Endpoint(
            method: "GET", path: "/cluster/status", summary: "The cluster: this broker alone", access: .open,
            outcomes: [Endpoint.Outcome(status: 200, schema: "Cluster", help: "One node.")]
        ) { (_, _) async throws(Problem) in
            .json(.object([("mode", "standalone"), ("nodes", .integer(1)), ("leader", .null)]))
        },
    ]
}
