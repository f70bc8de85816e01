import Glibc
import Reactor
import Synchronization

/// What became of the wish for a connection from inside the process.
public enum ConnectionOpening: Sendable, Equatable {
    /// The descriptor of the client's end, which belongs to whoever asked.
    case opened(Int32)
    case noSuchListener
    /// The broker, or the process, has as many connections as it may.
    case limit
    /// No loop serves it.
    case unavailable
}

/// MQTT connections that begin in this process: one end of a socket pair is served like an accepted connection, the
/// other is for a plugin that speaks for a client of another protocol. [any thread]
final class InsideConnections: Sendable {
    private let gate: AcceptGate
    private let ports: [LoopPort]
    /// In the order of their numbers.
    private let listeners: [String]
    private let count = Atomic(0)

    init(gate: AcceptGate, ports: [LoopPort], listeners: [String]) {
        self.gate = gate
        self.ports = ports
        self.listeners = listeners
    }

    /// - Parameters:
    ///   - listener: whose rules hold; empty: the first.
    ///   - address: what is known of who is behind it, for hooks and logs.
    func open(listener: String, address: String) -> ConnectionOpening {
        guard let number = listener.isEmpty ? listeners.indices.first : listeners.firstIndex(of: listener) else {
            return .noSuchListener
        }
        // Its rate is whoever opens it to limit: many clients may stand behind one address here.
        guard gate.enter(address: "", now: MonotonicClock.now) == .now else { return .limit }
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            gate.leave()
            return .limit
        }
        let turn = count.wrappingAdd(1, ordering: .relaxed).newValue
        let port = ports[turn % ports.count]
        guard port.mailbox.post(.connect(InsideEnd(ends[0]), listener: number, address: address)) else {
            close(ends[1])
            gate.leave()
            return .unavailable
        }
        return .opened(ends[1])
    }
}

/// The broker's end of a socket pair on its way to a loop; closed when it does not get there.
final class InsideEnd: Sendable {
    private let descriptor: Atomic<Int32>

    init(_ descriptor: Int32) {
        self.descriptor = Atomic(descriptor)
    }

    deinit {
        let left = take()
        if left >= 0 { close(left) }
    }

    /// Hands the descriptor over; -1 for everybody after the first.
    func take() -> Int32 { descriptor.exchange(-1, ordering: .relaxed) }
}
