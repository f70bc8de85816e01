import MQTTCodec
import PluginABI

/// retain.set and retain.get: what is kept for later subscribers, and what they get of it.
extension Shard {
    /// Asks what becomes of a message that is about to be retained.
    func decideRetained(_ message: PublishedMessage) {
        let outcome = withPluginMessage(message, nil, 0) {
            hooks.retainSet($0, mask: hooks.interestMask(topic: message.topic), now: now)
        }
        switch outcome {
        case .abstain: keepRetained(message)
        case .replaced:
            guard let edited = hooks.lastResult.message?.pointee,
                edited.payload.bytes.count <= settings.maximumPayloadSize
            else { return }
            var kept = message
            kept.payload = edited.payload.bytes
            kept.properties = edited.properties.bytes
            kept.expiresAt = edited.expires == HL_NEVER ? 0 : edited.expires
            kept.frame = nil
            keepRetained(kept)
        default: break
        }
    }

    /// Asks whether and how a subscriber gets a retained message; calls `send` with what it gets.
    func decideRetainedDelivery(
        _ connection: ConnectionRef, _ message: PublishedMessage, _ qos: UInt8, _ send: (PublishedMessage) -> Void
    ) {
        let client = self.client(connection)
        let outcome = withPluginMessage(message, nil, 0) { input in
            var retained = hl_retained()
            retained.struct_size = UInt32(MemoryLayout<hl_retained>.size)
            retained.client = client.pointer
            retained.msg = input
            retained.qos = UInt32(qos)
            return hooks.retainGet(&retained, mask: hooks.interestMask(topic: message.topic), now: now)
        }
        switch outcome {
        case .abstain: send(message)
        case .replaced:
            guard let edited = hooks.lastResult.message?.pointee else { return }
            // Sending runs other hooks, which use the memory of this one.
            let owned = DetachedMessage(message, id: message.id, identity: nil)
            owned.take(edited)
            owned.withMessage { send($0) }
        default: drop(connection.pointee.session, message, .deliverDenied)
        }
    }
}
