/// http/1: which instance answers which paths. Whoever speaks HTTP asks it. [any thread]
final class RouteTable: Sendable {
    struct Route: Sendable {
        let id: UInt64
        let instance: PluginInstance
        /// Empty: all.
        let methods: Set<String>
        let prefix: [UInt8]
        let flags: UInt32
        let maximumBody: Int
        /// Nanoseconds.
        let timeout: Int64
        let handler: HTTPHandler
    }

    enum Found {
        case route(Route)
        case noMethod
        case nothing
    }

    private struct State {
        var routes: [Route] = []
        var nextID: UInt64 = 1
    }

    private let state = Monitor(State())

    /// Adds a route; nil when another instance has one of the methods under the prefix.
    func add(_ make: (UInt64) -> Route) -> UInt64? {
        state.withLock { state in
            let route = make(state.nextID)
            let isTaken = state.routes.contains { other in
                other.prefix == route.prefix && other.instance !== route.instance
                    // Its next generation takes over what it has.
                    && other.instance.id != route.instance.id && !RouteTable.areDisjoint(other.methods, route.methods)
            }
            guard !isTaken else { return nil }
            state.nextID += 1
            state.routes.append(route)
            return route.id
        }
    }

    func remove(_ id: UInt64, of instance: PluginInstance) -> Bool {
        state.withLock { state in
            guard let index = state.routes.firstIndex(where: { $0.id == id && $0.instance === instance }) else {
                return false
            }
            state.routes.remove(at: index)
            return true
        }
    }

    func removeAll(of instance: PluginInstance) {
        state.withLock { $0.routes.removeAll { $0.instance === instance } }
    }

    /// The route with the longest prefix of whole segments that has the method. Of two generations the newer one.
    func find(method: String, path: [UInt8]) -> Found {
        state.read { state in
            let matching = state.routes.filter { RouteTable.isPrefix($0.prefix, of: path) }
            guard let length = matching.map(\.prefix.count).max() else { return .nothing }
            let candidates = matching.filter { $0.prefix.count == length }
            let serving = candidates.filter { $0.methods.isEmpty || $0.methods.contains(method) }
            guard let route = serving.max(by: { $0.instance.generation < $1.instance.generation }) else {
                return .noMethod
            }
            return .route(route)
        }
    }

    private static func areDisjoint(_ left: Set<String>, _ right: Set<String>) -> Bool {
        !left.isEmpty && !right.isEmpty && left.isDisjoint(with: right)
    }

    private static func isPrefix(_ prefix: [UInt8], of path: [UInt8]) -> Bool {
        if prefix == [UInt8(ascii: "/")] { return true }
        return path.starts(with: prefix) && (path.count == prefix.count || path[prefix.count] == UInt8(ascii: "/"))
    }
}
