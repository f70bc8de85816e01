internal import Glibc
internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import PluginSDK

/// Answers requests: checks where they come from and who asks, finds the endpoint, and turns every failure into a
/// problem document.
struct Responder: Sendable {
    let api: API
    let endpoints: [Endpoint]
    let isTLS: Bool
    /// The server for health only: no routes of other plugins either, except those for everybody.
    let isHealthOnly: Bool

    private var origin: RequestOrigin {
        let own = api.settings.origin
        return isHealthOnly ? RequestOrigin(hosts: own.hosts, takesAnyHost: true, origins: []) : own
    }

    /// Hummingbird calls this for each request, one after the other on a connection.
    func respond(
        _ request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel
    ) async throws {
        // A body that trickles in, or an answer that nobody takes, ends with the connection.
        let deadline = channel.eventLoop.scheduleTask(in: api.settings.timeout) { channel.close(promise: nil) }
        defer { deadline.cancel() }
        if request.headers[.expect]?.lowercased() == "100-continue" {
            try await writer.writeInformationalHead(HTTPTypes.HTTPResponse(status: .continue))
        }
        let isHead = request.method == .head
        let answer = await answer(request, channel)
        api.counters.count(status: answer.status)
        let response = answer.response(date: TimeText(wall: api.host.wallTime).httpDate, isHead: isHead)
        if case .stream = answer.body { deadline.cancel() }
        try await writer.write(response: response.head, body: response.body)
        if answer.endsConnection { throw Responder.endOfConnection }
    }

    private static let endOfConnection = ChannelError.eof

    private func answer(_ request: Request, _ channel: any Channel) async -> Answer {
        do throws(Problem) {
            var call = try Call(request, channel)
            try checkOrigin(request)
            var answer = try await dispatch(&call)
            if let site = request.headers[.origin], origin.origins.contains(site.lowercased()) {
                answer.headers[.accessControlAllowOrigin] = site
                answer.headers[.vary] = "Origin"
            }
            return answer
        } catch {
            return error.answer
        }
    }

    private func checkOrigin(_ request: Request) throws(Problem) {
        guard let host = request.head.authority, !host.isEmpty else {
            throw .invalid("the header Host is missing")
        }
        guard origin.takes(host: host) else {
            throw Problem(
                421, "wrong-host", "Wrong host",
                "this server is not '\(host)'; names it has beside its addresses "
                    + "are listed in 'hosts' of the http plugin")
        }
        if let site = request.headers[.origin], !origin.takes(origin: site, host: host, isTLS: isTLS) {
            throw .forbidden("pages of '\(site)' may not use this API; sites that may are listed in 'origins'")
        }
    }

    private func dispatch(_ call: inout Call) async throws(Problem) -> Answer {
        let segments = call.segments
        var methods: [String] = []
        for endpoint in endpoints {
            guard let parameters = endpoint.match(segments) else { continue }
            methods.append(endpoint.method)
            guard endpoint.method == call.method || endpoint.method == "GET" && call.method == "HEAD" else { continue }
            call.parameters = parameters
            return try await run(endpoint, &call)
        }
        if call.method == "OPTIONS", !methods.isEmpty, let preflight = preflight(call, methods) { return preflight }
        if methods.isEmpty { return try await dispatchToPlugin(&call) }
        throw Responder.otherMethods(call, methods)
    }

    private func run(_ endpoint: Endpoint, _ call: inout Call) async throws(Problem) -> Answer {
        switch endpoint.access {
        case .open: break
        case .messages:
            call.caller = try await api.identify(call, try call.credentials)
        case .role(let needed):
            call.caller = try await api.identify(call, try call.credentials)
            try Responder.require(needed, of: call)
        }
        try endpoint.check(call.query)
        return try await endpoint.run(api, call)
    }

    private static func require(_ needed: Role, of call: Call) throws(Problem) {
        if let role = call.caller.role, role >= needed { return }
        if call.caller.isAnonymous { throw .unauthorized("say who you are: 'Authorization: Basic' or 'Bearer'") }
        throw .forbidden("'\(call.caller.name)' does not have the role '\(needed.rawValue)'")
    }

    private static func otherMethods(_ call: Call, _ methods: [String]) -> Problem {
        var problem = Problem(
            405, "method-not-allowed", "Method not allowed", "\(call.path) does not know \(call.method)")
        let allowed = methods + (methods.contains("GET") ? ["HEAD"] : [])
        problem.headers[.allow] = allowed.joined(separator: ", ")
        return problem
    }

    /// A browser asks whether a page of a site that may use the API may send such a request.
    private func preflight(_ call: Call, _ methods: [String]) -> Answer? {
        guard let site = call.request.headers[.origin], origin.origins.contains(site.lowercased()) else { return nil }
        var answer = Answer.done
        answer.headers[.accessControlAllowMethods] = methods.joined(separator: ", ")
        answer.headers[.accessControlAllowHeaders] = "Authorization, Content-Type, Last-Event-ID"
        answer.headers[.accessControlMaxAge] = "600"
        return answer
    }

    // MARK: Routes of other plugins

    private func dispatchToPlugin(_ call: inout Call) async throws(Problem) -> Answer {
        switch api.host.findRoute(call.method, call.path) {
        case .notFound: throw .notFound("there is nothing at \(call.path)")
        case .otherMethods:
            throw Problem(405, "method-not-allowed", "Method not allowed", "\(call.path) does not know \(call.method)")
        case .route(let rules):
            if !rules.isAnonymous {
                guard !isHealthOnly else { throw .notFound("there is nothing at \(call.path)") }
                call.caller = try await api.identify(call, try call.credentials)
                try Responder.require(["GET", "HEAD"].contains(call.method) ? .read : .operate, of: call)
            }
            let body = try await call.body(limit: min(rules.maximumBody, 64 << 20))
            return try await PluginRoutes.dispatch(call, body, api.host)
        }
    }
}
