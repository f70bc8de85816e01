import BrokerCore
import Glibc
import PluginABI

/// A handler of a plugin.
///
/// @unchecked Sendable: the pointer is the plugin's; it gave it to be used on a worker.
struct HTTPHandler: @unchecked Sendable {
    let function: hl_http_fn
    let user: UnsafeMutableRawPointer?
}

/// A request that a handler has not answered. Its bytes live until it is answered.
///
/// @unchecked Sendable: `memory` and `request` are written in `init` only; the pointers are the plugins'.
private final class OpenRequest: @unchecked Sendable {
    let token: hl_token
    let route: RouteTable.Route
    /// Who dispatched it, and wants the answer.
    let server: PluginInstance
    private let function: hl_http_response_fn
    private let user: UnsafeMutableRawPointer?
    private let memory = LentMemory()
    private(set) var request = hl_http_request()

    init(
        _ token: hl_token, _ route: RouteTable.Route, _ given: hl_http_request, from server: PluginInstance,
        _ function: @escaping hl_http_response_fn, _ user: UnsafeMutableRawPointer?
    ) {
        self.token = token
        self.route = route
        self.server = server
        self.function = function
        self.user = user
        request.struct_size = UInt32(MemoryLayout<hl_http_request>.size)
        request.token = token
        request.method = memory.view(given.method.bytes)
        request.path = memory.view(given.path.bytes)
        request.query = memory.view(given.query.bytes)
        request.route = memory.view(route.prefix)
        request.identity = memory.view(given.identity.bytes)
        request.headers = memory.array(
            (0..<Int(given.headers == nil ? 0 : given.header_count)).compactMap { index in
                given.headers.map {
                    hl_field(key: memory.view($0[index].key.bytes), value: memory.view($0[index].value.bytes))
                }
            })
        request.header_count = request.headers == nil ? 0 : given.header_count
        request.body = memory.view(given.body.bytes)
    }

    func run() {
        withUnsafePointer(to: request) { route.handler.function(route.instance.pluginState, route.handler.user, $0) }
    }

    /// Gives the server an answer. On a worker.
    func answer(_ response: UnsafePointer<hl_http_response>) { function(server.pluginState, user, response) }

    /// Gives the server the answer of a handler that gave none.
    func answer(status: UInt32, _ words: String) {
        let memory = LentMemory()
        var response = hl_http_response()
        response.struct_size = UInt32(MemoryLayout<hl_http_response>.size)
        response.status = status
        response.content_type = memory.view("text/plain")
        response.body = memory.view(words + "\n")
        withExtendedLifetime(memory) { answer(&response) }
    }
}

/// Requests on their way between the plugin that speaks HTTP and those that answer. [any thread]
final class HTTPExchange: Sendable {
    private struct State {
        var open: [hl_token: OpenRequest] = [:]
        var expired: Set<hl_token> = []
        var nextToken: hl_token = 1
    }

    let routes = RouteTable()
    private let state = Monitor(State())
    private static let maximumOpen = 4096
    private static let maximumBody: UInt64 = 1 << 20
    private static let defaultTimeout: Int64 = 30_000_000_000

    /// http/1 `add`.
    fileprivate func add(
        _ given: hl_http_route, _ function: @escaping hl_http_fn, _ user: UnsafeMutableRawPointer?,
        for instance: PluginInstance
    ) -> (hl_status, hl_route) {
        let prefix = Array(given.prefix.bytes)
        guard prefix.first == UInt8(ascii: "/"), prefix.count <= 1024,
            prefix.count == 1 || prefix.last != UInt8(ascii: "/"), given.timeout >= 0
        else { return (HL_INVALID, 0) }
        let methods = Set(given.methods.text.split(separator: ",").map { String($0).uppercased() })
        let id = routes.add { id in
            RouteTable.Route(
                id: id, instance: instance, methods: methods, prefix: prefix, flags: given.flags,
                maximumBody: Int(clamping: given.max_body == 0 ? Self.maximumBody : given.max_body),
                timeout: given.timeout == 0 ? Self.defaultTimeout : given.timeout,
                handler: HTTPHandler(function: function, user: user))
        }
        return id.map { (HL_OK, $0) } ?? (HL_CONFLICT, 0)
    }

    /// http_server/1 `dispatch`.
    fileprivate func dispatch(
        _ given: hl_http_request, from server: PluginInstance, _ function: @escaping hl_http_response_fn,
        _ user: UnsafeMutableRawPointer?
    ) -> hl_status {
        let route: RouteTable.Route
        switch routes.find(method: given.method.text, path: Array(given.path.bytes)) {
        case .nothing: return HL_NOT_FOUND
        case .noMethod: return HL_NOT_ALLOWED
        case .route(let found): route = found
        }
        let request = state.withLock { state -> OpenRequest? in
            guard state.open.count < HTTPExchange.maximumOpen else { return nil }
            let request = OpenRequest(state.nextToken, route, given, from: server, function, user)
            state.open[request.token] = request
            state.nextToken += 1
            return request
        }
        guard let request else { return HL_BUSY }
        guard given.body.len <= UInt64(route.maximumBody) else {
            conclude(request.token) { $0.answer(status: 413, "the body is larger than \(route.maximumBody) bytes") }
            return HL_OK
        }
        _ = server.context.timers.start(server.group, delay: route.timeout, period: 0) { [weak self] in
            self?.expire(request.token)
        }
        if !route.instance.onWorker({ request.run() }) { unavailable(request.token) }
        return HL_OK
    }

    /// http/1 `respond`.
    fileprivate func respond(
        _ token: hl_token, _ response: hl_http_response, by instance: PluginInstance
    ) -> hl_status {
        guard (200...599).contains(response.status) else { return HL_INVALID }
        let (request, isExpired) = state.withLock { state -> (OpenRequest?, Bool) in
            guard state.open[token]?.route.instance === instance else {
                return (nil, state.expired.remove(token) != nil)
            }
            return (state.open.removeValue(forKey: token), false)
        }
        guard let request else { return isExpired ? HL_EXPIRED : HL_STALE }
        let answer = OwnedResponse(response)
        request.server.onWorker { answer.lend { request.answer($0) } }
        return HL_OK
    }

    /// Nobody is left to answer, or to be answered: the instance stops.
    func drop(_ instance: PluginInstance) {
        routes.removeAll(of: instance)
        let unanswered = state.withLock { state in
            state.open = state.open.filter { $0.value.server !== instance }
            return state.open.values.filter { $0.route.instance === instance }.map(\.token)
        }
        for token in unanswered { unavailable(token) }
    }

    private func unavailable(_ token: hl_token) {
        conclude(token) { $0.answer(status: 503, "whoever answers this path is not running now") }
    }

    private func expire(_ token: hl_token) {
        conclude(token, expired: true) { $0.answer(status: 504, "no answer in time") }
    }

    private func conclude(_ token: hl_token, expired: Bool = false, _ body: @escaping @Sendable (OpenRequest) -> Void) {
        let request = state.withLock { state -> OpenRequest? in
            guard let request = state.open.removeValue(forKey: token) else { return nil }
            // Only so many are remembered: those who answer later than that learn that the token is stale.
            if expired, state.expired.count < HTTPExchange.maximumOpen { state.expired.insert(token) }
            return request
        }
        guard let request else { return }
        request.server.onWorker { body(request) }
    }
}

/// A copy of a response on its way to the server.
///
/// @unchecked Sendable: written in `init` only.
private final class OwnedResponse: @unchecked Sendable {
    private let memory = LentMemory()
    private var response = hl_http_response()

    init(_ given: hl_http_response) {
        response.struct_size = UInt32(MemoryLayout<hl_http_response>.size)
        response.status = given.status
        response.headers = memory.array(
            (0..<Int(given.headers == nil ? 0 : given.header_count)).compactMap { index in
                given.headers.map {
                    hl_field(key: memory.view($0[index].key.bytes), value: memory.view($0[index].value.bytes))
                }
            })
        response.header_count = response.headers == nil ? 0 : given.header_count
        response.content_type =
            given.content_type.len > 0 ? memory.view(given.content_type.bytes) : memory.view("application/json")
        response.body = memory.view(given.body.bytes)
    }

    func lend(_ body: (UnsafePointer<hl_http_response>) -> Void) { withUnsafePointer(to: response, body) }
}

extension ServiceTables {
    static func makeHTTP() -> hl_http_v1 {
        var table = hl_http_v1()
        table.struct_size = UInt32(MemoryLayout<hl_http_v1>.size)
        table.add = { handle, route, function, user, out in
            guard let instance = PluginInstance.of(handle), let function,
                let given = route.flatMap({ readStruct($0, atLeast: MemoryLayout<hl_http_route>.size) })
            else { return HL_INVALID }
            guard instance.phase < .stopped else { return HL_NOT_ALLOWED }
            let (status, id) = instance.context.http.add(given, function, user, for: instance)
            out?.pointee = id
            return status
        }
        table.remove = { handle, route in
            guard let instance = PluginInstance.of(handle) else { return HL_INVALID }
            return instance.context.http.routes.remove(route, of: instance) ? HL_OK : HL_NOT_FOUND
        }
        table.respond = { handle, token, response in
            guard let instance = PluginInstance.of(handle),
                let given = response.flatMap({ readStruct($0, atLeast: MemoryLayout<hl_http_response>.size) })
            else { return HL_INVALID }
            return instance.context.http.respond(token, given, by: instance)
        }
        return table
    }

    static func makeHTTPServer() -> hl_http_server_v1 {
        var table = hl_http_server_v1()
        table.struct_size = UInt32(MemoryLayout<hl_http_server_v1>.size)
        table.find = { handle, method, path, out in
            guard let instance = PluginInstance.of(handle), let out else { return HL_INVALID }
            switch instance.context.http.routes.find(method: method.text, path: Array(path.bytes)) {
            case .nothing: return HL_NOT_FOUND
            case .noMethod: return HL_NOT_ALLOWED
            case .route(let route):
                out.pointee.flags = route.flags
                out.pointee.max_body = UInt64(route.maximumBody)
                out.pointee.timeout = route.timeout
                return HL_OK
            }
        }
        table.dispatch = { handle, request, function, user in
            guard let instance = PluginInstance.of(handle), let function,
                let given = request.flatMap({ readStruct($0, atLeast: MemoryLayout<hl_http_request>.size) })
            else { return HL_INVALID }
            guard instance.phase < .stopped else { return HL_NOT_ALLOWED }
            return instance.context.http.dispatch(given, from: instance, function, user)
        }
        table.announce = { handle, name, url in
            guard let instance = PluginInstance.of(handle), name.len > 0, name.len <= 64, url.len <= 1024 else {
                return HL_INVALID
            }
            return instance.state.withLock { state in
                guard state.phase >= .starting, state.phase < .stopped else { return HL_NOT_ALLOWED }
                // Of one name the latest: settings that changed may have moved it.
                state.addresses.removeAll { $0.0 == name.text }
                guard state.addresses.count < 16 else { return HL_NOT_ALLOWED }
                state.addresses.append((name.text, url.text))
                return HL_OK
            }
        }
        return table
    }
}
