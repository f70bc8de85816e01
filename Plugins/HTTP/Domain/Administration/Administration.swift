internal import PluginSDK
internal import StrictJSON

/// Asks the broker's administration, and turns what it says into answers.
enum Administration {
    /// Runs a command with parameters.
    /// - Returns: the JSON object it answers with, as text.
    static func ask(
        _ host: PluginHost, _ command: String, _ parameters: [(name: String, value: JSON)] = []
    ) async throws(Problem) -> String {
        let argument = parameters.isEmpty ? nil : JSON.object(parameters).rendered
        let answer: AdministrationAnswer? = await withCheckedContinuation { continuation in
            let isTaken = host.command(command, argument) { continuation.resume(returning: $0) }
            if !isTaken { continuation.resume(returning: nil) }
        }
        switch answer {
        case .some(.done(let text)): return text
        case .some(.failed(let kind, let reason)): throw problem(kind, reason)
        case .none:
            throw Problem(501, "not-implemented", "Not implemented", "this broker has no command '\(command)'")
        }
    }

    /// Runs a command whose answer is passed on as it is.
    static func answer(
        _ host: PluginHost, _ command: String, _ parameters: [(name: String, value: JSON)] = []
    ) async throws(Problem) -> Answer {
        .json(.text(try await ask(host, command, parameters)))
    }

    /// Runs a command of which only matters that it was done.
    static func done(
        _ host: PluginHost, _ command: String, _ parameters: [(name: String, value: JSON)] = []
    ) async throws(Problem) -> Answer {
        _ = try await ask(host, command, parameters)
        return .done
    }

    /// A list that the broker gives as a whole, in the form of all lists.
    static func list(_ host: PluginHost, _ command: String, _ member: String) async throws(Problem) -> Answer {
        let text = try await ask(host, command)
        guard let value = try? JSONValue(parsing: Array(text.utf8)),
            let items = value[member]?.elements ?? value["items"]?.elements
        else { throw Problem(500, "internal", "Internal error", "the broker's answer to '\(command)' is no list") }
        return .json(
            .object([
                ("items", .array(items.map { JSON($0) })), ("next_cursor", .null), ("total", .count(items.count)),
            ]))
    }

    private static func problem(_ kind: AdministrationFailure, _ reason: String) -> Problem {
        switch kind {
        case .invalid: return .invalid(reason)
        case .notFound: return .notFound(reason)
        case .notAllowed: return .forbidden(reason)
        case .unavailable: return .unavailable(reason)
        case .refused: return refusal(reason)
        }
    }

    /// A configuration that was refused: each line "plugins.yaml:14:7: what" with its place.
    static func refusal(_ reason: String) -> Problem {
        let lines = reason.split(separator: "\n")
        var problem = Problem(
            422, "configuration-refused", "Configuration refused",
            "nothing was changed: \(lines.first ?? "the broker gave no reason")")
        problem.members = [("errors", .array(lines.map(fault)))]
        return problem
    }

    private static func fault(_ line: Substring) -> JSON {
        let parts = line.split(separator: ":", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, let number = Int(parts[1]), let column = Int(parts[2]) else {
            return .object([("file", .null), ("line", .null), ("column", .null), ("message", .string(String(line)))])
        }
        return .object([
            ("file", .string(String(parts[0]))), ("line", .count(number)), ("column", .count(column)),
            ("message", .string(String(parts[3].drop { $0 == " " }))),
        ])
    }
}
