import MQTTCodec
import PluginABI

/// msg.store: an acknowledgement waits until the plugins that keep messages have this one.
extension Shard {
    /// What follows in the connection's output waits for the plugins' answers. False: one cannot keep the message, and
    /// the connection has ended.
    @inline(never)
    func gateOnPlugins(
        _ connection: ConnectionRef, _ message: PublishedMessage, _ entry: UnsafeMutablePointer<TopicEntry>,
        _ packetID: UInt16
    ) -> Bool {
        let mask = interest(entry)
        let outcome = withPluginMessage(message, pluginClient(connection), packetID) {
            hooks.msgStore($0, mask: mask, now: now)
        }
        switch outcome {
        case .pending(let token, let deadline):
            let gate = gates.make(parts: 1, owner: .connection(connection.pointee.handle))
            addGate(connection, gate)
            wait(for: token, deadline, .storeGate(gate))
        case .deny:
            storeFailed(connection)
            return false
        default: break
        }
        return true
    }

    /// A plugin has answered: the gate opens, waits for the next plugin, or fails.
    func resumeStore(_ gate: UInt64, _ outcome: HookOutcome) {
        if case .pending(let token, let deadline) = outcome {
            wait(for: token, deadline, .storeGate(gate))
        } else {
            gatePartDone(gate, succeeded: outcome != .deny)
        }
    }
}
