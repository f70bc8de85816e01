internal import PluginABI

/// A request to a route of this plugin. A copy.
public struct HTTPRequest: Sendable {
    /// Upper case.
    public var method: String
    /// Decoded, begins with `/`.
    public var path: String
    /// As it was sent, without `?`.
    public var query: String
    /// The prefix that matched.
    public var route: String
    /// Who asks; empty: unknown.
    public var identity: String
    /// Names in lower case.
    public var headers: [(name: String, value: String)]
    /// Any bytes.
    public var body: [UInt8]

    /// A request to be dispatched, see `PluginHost.dispatch`.
    public init(
        method: String, path: String, query: String = "", identity: String = "",
        headers: [(name: String, value: String)] = [], body: [UInt8] = []
    ) {
        self.method = method
        self.path = path
        self.query = query
        route = ""
        self.identity = identity
        self.headers = headers
        self.body = body
    }
}

/// The answer to a request.
public struct HTTPResponse: Sendable {
    /// 200 to 599
    public var status: Int
    /// Media type of the body.
    public var contentType: String
    /// Any bytes.
    public var body: [UInt8]
    /// Beside Content-Type and Content-Length.
    public var headers: [(name: String, value: String)] = []

    /// JSON unless something else is said.
    public init(status: Int = 200, contentType: String = "application/json", body: [UInt8] = []) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }
}

extension PluginHost {
    /// Answers requests under a path prefix of whole segments. `answer` runs on a worker thread, may block, and may run
    /// several times at once.
    /// - Parameters:
    ///   - methods: upper case; empty: all.
    ///   - anonymous: also for people who did not say who they are.
    ///   - maximumBody: bytes; `nil`: 1 MiB.
    /// - Returns: false when the prefix is taken or not valid, or the service is not granted.
    @discardableResult
    public func route(
        _ methods: [String], _ prefix: String, anonymous: Bool = false, maximumBody: Int? = nil,
        _ answer: @escaping @Sendable (HTTPRequest) -> HTTPResponse
    ) -> Bool {
        route(methods, prefix, anonymous: anonymous, maximumBody: maximumBody, later: { $1(answer($0)) })
    }

    /// As the other, for answers that come later: `answer` hands its second argument to whoever has the answer, to be
    /// called once, on any thread.
    @discardableResult
    public func route(
        _ methods: [String], _ prefix: String, anonymous: Bool = false, maximumBody: Int? = nil,
        later answer: @escaping @Sendable (HTTPRequest, @escaping @Sendable (HTTPResponse) -> Void) -> Void
    ) -> Bool {
        guard let add = raw.pointee.http?.pointee.add else { return false }
        let user = callbacks.add(RouteBox(host: self, answer: answer))
        let status = withView(methods.joined(separator: ",")) { methods in
            withView(prefix) { prefix in
                var route = hl_http_route()
                route.struct_size = UInt32(MemoryLayout<hl_http_route>.size)
                route.flags = anonymous ? HL_HTTP_ANONYMOUS : 0
                (route.methods, route.prefix) = (methods, prefix)
                route.max_body = UInt64(clamping: maximumBody ?? 0)
                return add(raw, &route, RouteBox.run, user, nil)
            }
        }
        if status != HL_OK { callbacks.remove(user) }
        return status == HL_OK
    }
}

private struct RouteBox: Sendable {
    let host: PluginHost
    let answer: @Sendable (HTTPRequest, @escaping @Sendable (HTTPResponse) -> Void) -> Void

    static let run: hl_http_fn = { _, user, request in
        guard let box = Callback<RouteBox>.of(user)?.body, let request else { return }
        let token = request.pointee.token
        box.answer(HTTPRequest(request.pointee)) { box.respond(token, $0) }
    }

    private func respond(_ token: hl_token, _ response: HTTPResponse) {
        withViews([response.contentType] + response.headers.flatMap { [$0.name, $0.value] }) { texts in
            withView(response.body.span) { body in
                var raw = hl_http_response()
                raw.struct_size = UInt32(MemoryLayout<hl_http_response>.size)
                raw.status = (200...599).contains(response.status) ? UInt32(response.status) : 500
                (raw.content_type, raw.body) = (texts[0], body)
                let headers = stride(from: 1, to: texts.count, by: 2).map {
                    hl_field(key: texts[$0], value: texts[$0 + 1])
                }
                headers.withUnsafeBufferPointer { headers in
                    (raw.headers, raw.header_count) = (headers.baseAddress, UInt32(headers.count))
                    _ = host.raw.pointee.http?.pointee.respond?(host.raw, token, &raw)
                }
            }
        }
    }
}

extension HTTPRequest {
    fileprivate init(_ raw: hl_http_request) {
        method = raw.method.string
        path = raw.path.string
        query = raw.query.string
        route = raw.route.string
        identity = raw.identity.string
        headers = UnsafeBufferPointer(start: raw.headers, count: raw.headers == nil ? 0 : Int(raw.header_count)).map {
            (name: $0.key.string, value: $0.value.string)
        }
        body = Array(raw.body.buffer)
    }
}
