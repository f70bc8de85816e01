import Configuration
import Reactor

/// What a loop has to say beside its shard: refused connections, trouble with a listener, the end of a drain.
/// [any thread]
final class EventOutlet: Sendable {
    let log: Log
    private let listenerNames: [String]
    private let control: EventLoop

    /// - Parameter control: the control thread's loop, woken for what it waits for.
    init(log: Log, listenerNames: [String], control: EventLoop) {
        self.log = log
        self.listenerNames = listenerNames
        self.control = control
    }

    /// The last connection is gone while somebody waits for that.
    func connectionsGone() { control.wake() }

    /// A connection was turned away before a byte of it was read.
    func refused(_ peer: SocketAddress, listener: Int, _ refusal: AcceptGate.Refusal) {
        log.write(.listenerFailed, .warn, about: Array(peer.host.utf8)) {
            [
                .init("listener", listenerNames[listener]), .init("addr", peer.description),
                .init("reason", refusal.rawValue),
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
