import Configuration
import Reactor

/// A configured listener with its sockets.
struct BoundListener {
    let configuration: ListenerConfiguration
    let sockets: [ListenerSocket]
    /// What scripts are told.
    let open: OpenListener
}

/// A listener that cannot be opened; the exit code is 1.
struct ListenerFailure: Error, CustomStringConvertible {
    let listener: ListenerConfiguration
    let error: ListenError

    var description: String {
        switch error {
        case .addressInUse(let address):
            "listener '\(listener.name)': \(address) is in use by another program; stop it, or start with --listen "
                + (listener.url.scheme == .unix ? "unix://PATH" : "\(listener.url.scheme.rawValue)://127.0.0.1:0")
        default: "listener '\(listener.name)': \(error)"
        }
    }
}

enum ListenerOpening {
    /// Bits of the file of a `unix://` listener: the broker's user and group.
    static let socketFileMode: UInt16 = 0o660

    /// Binds every listener. Nobody is served until the sockets are added to the loops.
    /// - Parameter layers: what lies on the sockets, by name of the listener.
    static func open(
        _ listeners: [ListenerConfiguration], layers: [String: StreamLayers],
        tcp: BrokerConfiguration.TCP = .init()
    ) throws(ListenerFailure) -> [BoundListener] {
        var bound: [BoundListener] = []
        for listener in listeners {
            do throws(ListenError) {
                var options = ListenerSocket.Options()
                options.makeFilter = layers[listener.name]?.makeFilter
                options.noDelay = tcp.noDelay
                options.backlog = Int32(clamping: tcp.backlog)
                options.keepAliveSeconds = Int32(clamping: tcp.keepAlive.wholeSeconds)
                options.userTimeoutMilliseconds = Int32(clamping: tcp.userTimeout.wholeMilliseconds)
                let sockets = try ListenerSocket.listen(on: address(of: listener.url), options: options)
                bound.append(
                    BoundListener(
                        configuration: listener, sockets: sockets, open: describe(listener, sockets)))
            } catch {
                throw ListenerFailure(listener: listener, error: error)
            }
        }
        return bound
    }

    private static func address(of url: ListenerURL) -> ListenAddress {
        url.scheme == .unix
            ? .unix(path: url.path, mode: socketFileMode) : .tcp(host: url.host, port: url.port)
    }

    private static func describe(_ listener: ListenerConfiguration, _ sockets: [ListenerSocket]) -> OpenListener {
        var url = listener.url
        if let port = sockets.first?.address.port, url.scheme != .unix { url.port = port }
        // An address to connect to: "localhost" and "every interface" both include this one.
        let host: String =
            switch url.host {
            case "localhost", "0.0.0.0": "127.0.0.1"
            case "::": "::1"
            case "": url.path
            default: url.host
            }
        return OpenListener(
            name: listener.name, url: url.description, host: host, port: Int(url.port),
            authority: listener.tls?.authority)
    }
}
