internal import StrictJSON

/// Settings that are changed while the broker runs: they are kept in the overlay, above the file.
enum ConfigurationEndpoints {
    private static let path = Endpoint.Parameter(
        name: "path", kind: .text, help: "a setting: broker.log.level", isRequired: true)
    private static let outcomes = [
        Endpoint.Outcome(status: 200, schema: "Change", help: "What has changed."),
        Endpoint.Outcome(
            status: 404, contentType: "application/problem+json", schema: "Problem", help: "No such setting."),
        Endpoint.Outcome(
            status: 422, contentType: "application/problem+json", schema: "Refusal",
            help: "Nothing was changed, and why."),
    ]
    private static let maximumBody = 64 << 10

    static let all: [Endpoint] = [
        Endpoint(
            method: "PUT", path: "/api/v1/config/{path}", summary: "Set one setting, and keep that over restarts",
            access: .role(.operate), parameters: [path], body: .json(schema: "SettingValue"), outcomes: outcomes
        ) { (api, call) async throws(Problem) in
            let document = try JSONBody.read(try await call.body(limit: maximumBody), ["value"])
            guard let value = document["value"] else { throw .invalid("the member 'value' is missing") }
            return try await Administration.answer(
                api.host, "config_set",
                [("path", .string(call.parameters["path"] ?? "")), ("value", JSON(value))])
        },
        Endpoint(
            method: "DELETE", path: "/api/v1/config/{path}", summary: "Take one setting back to what the file says",
            access: .role(.operate), parameters: [path], outcomes: outcomes
        ) { (api, call) async throws(Problem) in
            try await Administration.answer(
                api.host, "config_reset", [("path", .string(call.parameters["path"] ?? ""))])
        },
    ]
}

/// Bodies that are JSON objects.
enum JSONBody {
    /// Reads an object that may have these members and no others.
    static func read(_ bytes: [UInt8], _ known: Set<String>) throws(Problem) -> [String: JSONValue] {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: bytes)
        } catch {
            throw .invalid("the body is not JSON: \(error)")
        }
        guard let members = value.members else { throw .invalid("the body is not a JSON object") }
        if let other = members.keys.filter({ !known.contains($0) }).min() {
            throw .invalid("there is no member '\(other)' here; there are \(known.sorted().joined(separator: ", "))")
        }
        return members
    }
}
