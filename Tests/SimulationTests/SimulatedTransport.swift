import BrokerCore
import StoreFormat

/// The loop of one shard, without sockets.
final class SimulatedTransport: ShardTransport {
    private let shard: Int
    private unowned let simulator: Simulator

    init(shard: Int, simulator: Simulator) {
        self.shard = shard
        self.simulator = simulator
    }

    func write(_ transport: UInt64, _ bytes: UnsafeRawBufferPointer) -> Int {
        guard let link = simulator.links[transport], !link.isClosedByBroker else { return -1 }
        let taken = link.write(bytes, now: simulator.now)
        if taken > 0 { simulator.hasMoved = true }
        return taken
    }

    func close(_ transport: UInt64, graceful: Bool) { simulator.closed(transport) }

    func pauseReading(_ transport: UInt64) { simulator.links[transport]?.isPaused = true }

    func resumeReading(_ transport: UInt64) {
        simulator.links[transport]?.isPaused = false
        simulator.hasMoved = true
    }

    func move(_ transport: UInt64, to target: Int, _ transfer: ConnectionTransfer) {
        guard let link = simulator.links[transport] else { return }
        link.isMoving = true
        simulator.moving.append((link, target, transfer))
        simulator.hasMoved = true
    }

    func wake(shard target: Int) { simulator.hasMoved = true }

    func load(_ messages: [UInt64], for session: UInt64) {
        simulator.loads.append((shard, messages, session))
        simulator.hasMoved = true
    }

    func persist(_ rows: [StoreRow], ticket: UInt64) {
        simulator.take(rows, ticket: ticket, of: shard)
    }

    func event(_ event: BrokerEvent) { simulator.heard(event) }
}

extension BrokerEvent {
    /// A few words for the trace.
    var summary: String {
        func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
        return switch self {
        case .connected(let who, _, let version, let clean, let present, _):
            "\(text(who.clientID)) connected, \(version)\(clean ? ", clean start" : "")\(present ? ", present" : "")"
        case .connectRefused(let who, let reason, let cause, _):
            "\(text(who.clientID)) refused: \(reason), \(cause)"
        case .disconnected(let who, _, let cause, _, _, let will, let queued, _):
            "\(text(who.clientID)) disconnected: \(cause), will \(will), \(queued) queued"
        case .sessionEnded(let id, let expired): "session of \(text(id)) ended\(expired ? ", expired" : "")"
        case .subscribed(let who, _, let filter, let qos): "\(text(who.clientID)) subscribed \(text(filter)) \(qos)"
        case .unsubscribed(let who, _, let filter): "\(text(who.clientID)) unsubscribed \(text(filter))"
        case .publishDenied(let who, let topic, _, let reason, let rule):
            "\(text(who.clientID)) may not publish to \(text(topic)): \(reason), \(rule)"
        case .subscribeDenied(let who, let filter, let reason, _):
            "\(text(who.clientID)) may not subscribe to \(text(filter)): \(reason)"
        case .tolerated(let who, _, let fault, _): "\(text(who.clientID)) tolerated: \(fault)"
        case .dropped(let id, let topic, let reason): "dropped for \(text(id)) on \(text(topic)): \(reason)"
        }
    }
}
