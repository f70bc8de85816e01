import BrokerCore
import Configuration
import Reactor

/// Where everything goes that the log or a plugin may want to hear of. [any thread]
final class EventOutlet: Sendable {
    let log: Log
    private let listenerNames: [String]
    /// Hands an event to the plugins that asked for it; must not block.
    private let notify: @Sendable (BrokerEvent) -> Void
    private let control: EventLoop

    /// - Parameter control: the control thread's loop, woken for what it waits for.
    init(
        log: Log, listenerNames: [String], control: EventLoop,
        notify: @escaping @Sendable (BrokerEvent) -> Void = { _ in }
    ) {
        self.log = log
        self.listenerNames = listenerNames
        self.control = control
        self.notify = notify
    }

    /// The last connection is gone while somebody waits for that.
    func connectionsGone() { control.wake() }

    func happened(_ event: BrokerEvent) {
        log.write(event)
        notify(event)
    }

    /// A connection was turned away before a byte of it was read.
    func refused(_ peer: SocketAddress, listener: Int, _ refusal: AcceptGate.Refusal) {
        log.write(.listenerFailed, .warn, about: Array(peer.host.utf8)) {
            [
                .init("listener", listenerNames[listener]), .init("addr", peer.description),
                .init("reason", refusal.rawValue),
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
