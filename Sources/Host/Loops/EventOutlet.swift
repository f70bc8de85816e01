import Configuration
import Reactor

/// What a loop has to say beside its shard: refused connections, trouble with a listener, the end of a drain.
/// [any thread]
final class EventOutlet: Sendable {
    let log: Log
    private let listenerNames: [String]
    /// Addresses of proxies, by listener.
    private let proxies: [[AddressRange]]
    private let control: EventLoop

    /// - Parameter control: the control thread's loop, woken for what it waits for.
    init(log: Log, listeners: [ListenerConfiguration], control: EventLoop) {
        self.log = log
        listenerNames = listeners.map(\.name)
        proxies = listeners.map { $0.proxies.compactMap { AddressRange($0) } }
        self.control = control
    }

    /// The last connection is gone while somebody waits for that.
    func connectionsGone() { control.wake() }

    /// Whether the peer speaks for others on this listener.
    func isProxy(_ peer: SocketAddress, listener: Int) -> Bool {
        !proxies[listener].isEmpty && proxies[listener].contains { $0.contains(peer) }
    }

    /// A connection was turned away before MQTT began; no listener when it came through a proxy.
    func refused(_ peer: SocketAddress, listener: Int?, _ refusal: AcceptGate.Refusal) {
        log.write(.listenerFailed, .warn, about: Array(peer.host.utf8)) {
            [
                .init("listener", listener.map { listenerNames[$0] } ?? "proxy"),
                .init("addr", peer.description), .init("reason", refusal.rawValue),
            ]
        }
    }

    /// A layer below MQTT ended a connection. Whoever causes it has no name yet: repeats are counted by address.
    func handshakeFailed(address: String, listener: String, _ code: Int32) {
        let host = address.utf8.lastIndex(of: UInt8(ascii: ":")).map { address[..<$0] } ?? address[...]
        log.write(.handshakeFailed, .warn, about: Array(host.utf8)) {
            [
                .init("listener", listener), .init("addr", address),
                .init("reason", FilterFailure.text(of: code)),
            ]
        }
    }

    /// A listener cannot accept for a while.
    func acceptPaused(listener: Int, error: SystemError) {
        log.write(.listenerFailed, .warn, about: Array(listenerNames[listener].utf8)) {
            [.init("listener", listenerNames[listener]), .init("reason", error.description)]
        }
    }
}
