internal import PluginABI

/// What a route asks of the server that serves it.
public struct RouteRules: Sendable, Equatable {
    /// Also for people who did not say who they are.
    public var isAnonymous: Bool
    /// Bytes.
    public var maximumBody: Int
    /// Nanoseconds.
    public var timeout: Int64
}

/// What a server finds for a method and a path.
public enum RouteMatch: Sendable, Equatable {
    case route(RouteRules)
    /// Answer 404.
    case notFound
    /// The path has a route, the method has none: answer 405.
    case otherMethods
}

/// For the plugin that serves HTTP (`http_server/1`): ask for it in `PluginDescription.optionalServices`.
extension PluginHost {
    private var server: UnsafePointer<hl_http_server_v1>? {
        withView("http_server/1") { name in
            raw.pointee.core?.pointee.get_service?(raw, name)?.assumingMemoryBound(to: hl_http_server_v1.self)
        }
    }

    /// The route of a method and a path, to be asked before the body is read.
    public func findRoute(_ method: String, _ path: String) -> RouteMatch {
        var found = hl_http_route()
        found.struct_size = UInt32(MemoryLayout<hl_http_route>.size)
        let status = withView(method) { method in
            withView(path) { path in server?.pointee.find?(raw, method, path, &found) ?? HL_NOT_FOUND }
        }
        switch status {
        case HL_OK:
            return .route(
                RouteRules(
                    isAnonymous: found.flags & HL_HTTP_ANONYMOUS != 0, maximumBody: Int(clamping: found.max_body),
                    timeout: found.timeout))
        case HL_NOT_ALLOWED: return .otherMethods
        default: return .notFound
        }
    }

    /// Hands a request to the plugin that has the route. `answer` is called exactly once on a worker thread: with the
    /// answer, with 413, or with 503 and 504 when there was none. Its route is not looked at.
    /// - Returns: false when there is no such route or too many requests are open: then nothing is called.
    public func dispatch(_ request: HTTPRequest, _ answer: @escaping @Sendable (HTTPResponse) -> Void) -> Bool {
        guard let dispatch = server?.pointee.dispatch else { return false }
        return ask(ResponseBox(host: self, body: answer)) { user in
            withViews([request.method, request.path, request.query, request.identity]) { texts in
                withViews(request.headers.flatMap { [$0.name, $0.value] }) { pairs in
                    withView(request.body.span) { body in
                        var given = hl_http_request()
                        given.struct_size = UInt32(MemoryLayout<hl_http_request>.size)
                        (given.method, given.path, given.query) = (texts[0], texts[1], texts[2])
                        given.identity = texts[3]
                        given.body = body
                        let headers = stride(from: 0, to: pairs.count, by: 2).map {
                            hl_field(key: pairs[$0], value: pairs[$0 + 1])
                        }
                        return headers.withUnsafeBufferPointer { headers in
                            (given.headers, given.header_count) = (headers.baseAddress, UInt32(headers.count))
                            return dispatch(raw, &given, ResponseBox.run, user)
                        }
                    }
                }
            }
        }
    }

    /// Says where this instance can be reached, for the ports file and `hookline plugins list`; in `Plugin.start`.
    @discardableResult
    public func announce(_ name: String, _ url: String) -> Bool {
        withView(name) { name in
            withView(url) { url in server?.pointee.announce?(raw, name, url) == HL_OK }
        }
    }
}

private struct ResponseBox: Sendable {
    let host: PluginHost
    let body: @Sendable (HTTPResponse) -> Void

    static let run: hl_http_response_fn = { _, user, response in
        guard let box = Callback<ResponseBox>.of(user)?.body, let response = response?.pointee else { return }
        var answer = HTTPResponse(
            status: Int(response.status), contentType: response.content_type.string,
            body: Array(response.body.buffer))
        answer.headers = UnsafeBufferPointer(
            start: response.headers, count: response.headers == nil ? 0 : Int(response.header_count)
        ).map { (name: $0.key.string, value: $0.value.string) }
        box.body(answer)
        box.host.callbacks.remove(user)
    }
}
