internal import HTTPTypes
internal import PluginSDK

/// Hands requests to plugins that have registered for their paths (`http/1`).
enum PluginRoutes {
    static func dispatch(_ call: Call, _ body: [UInt8], _ host: PluginHost) async throws(Problem) -> Answer {
        // What opens this server is nobody else's business.
        let headers = call.request.headers.filter { $0.name != .authorization && $0.name != .cookie }
        let request = PluginSDK.HTTPRequest(
            method: call.method, path: call.path, query: call.queryText, identity: call.caller.name,
            headers: headers.map { (name: $0.name.canonicalName, value: $0.value) }, body: body)
        let response: PluginSDK.HTTPResponse? = await withCheckedContinuation { continuation in
            let isTaken = host.dispatch(request) { continuation.resume(returning: $0) }
            if !isTaken { continuation.resume(returning: nil) }
        }
        guard let response else { throw .unavailable("whoever answers \(call.path) is not there now, or busy") }
        var answer = Answer(status: response.status, contentType: response.contentType, response.body)
        for header in response.headers {
            guard let name = HTTPField.Name(header.name), !PluginRoutes.own.contains(name) else { continue }
            answer.headers.append(HTTPField(name: name, value: header.value))
        }
        return answer
    }

    /// What only the server says.
    private static let own: Set<HTTPField.Name> = [
        .contentLength, .contentType, .connection, .transferEncoding, .date, .accessControlAllowOrigin,
    ]
}
