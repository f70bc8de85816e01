import MQTTCodec

/// A will must be allowed at CONNECT, because it will be published in the client's name.
extension Shard {
    /// Asked at CONNECT, before the session exists: the will must be allowed, because it will be published in the
    /// client's name.
    func decideWill(_ connection: ConnectionRef, _ connect: Connect, _ will: MQTTCodec.Will) {
        let client = PluginClient(
            connection.extras.identity, connection: connection.pointee.id, protocolLevel: connect.version.rawValue,
            isAnonymous: false)
        let outcome = will.topic.withUnsafeBytes { topic in
            will.payload.withUnsafeBytes { payload in
                let message = PublishedMessage(
                    topic: topic, properties: UnsafeRawBufferPointer(start: nil, count: 0), payload: payload,
                    qos: will.qos, retain: will.retain, origin: .will)
                // Topic entry 0: the verdict is not cached.
                return withPluginMessage(message, client.pointer, 0) {
                    hooks.aclPublish($0, mask: hooks.interestMask(topic: topic), now: now)
                }
            }
        }
        concludeWill(connection, connect, outcome)
    }

    func concludeWill(_ connection: ConnectionRef, _ connect: Connect, _ outcome: HookOutcome) {
        switch outcome {
        case .allow: admitAuthenticated(connection, connect)
        case .pending(let token, let deadline):
            park(connection, token: token, deadline: deadline, .will(connect))
        default:
            refuse(
                connection, .notAuthorized, "not authorized to publish the will",
                rule: outcome == .deny ? hooks.lastResult.rule.text : "default")
        }
    }
}
