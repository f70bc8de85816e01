import MQTTCodec

/// How a client that is not let in learns of it.
extension Shard {
    /// Answers CONNACK with an error and closes [MQTT-3.2.2-7].
    func refuse(_ connection: ConnectionRef, _ reason: ReasonCode, _ text: String, rule: String = "") {
        guard connection.pointee.phase != .closed else { return }
        let extras = connection.extras
        var answer = ConnAck(sessionPresent: false, reason: reason)
        if connection.pointee.version == .v5_0, extras.wantsProblemInformation, rule.isEmpty {
            answer.properties.reasonString = Array(text.utf8)
        }
        // A 3.1.1 client gets one of the return codes there are, or none at all [MQTT-3.2.2-6 of 3.1.1].
        if connection.pointee.version == .v5_0 || reason.connectReturnCode != nil {
            if !send(connection, .connack(answer)) {
                // The reason string goes first when the client takes small packets only [MQTT-3.2.2-19].
                answer.properties.reasonString = nil
                send(connection, .connack(answer))
            }
        }
        end(connection, cause: .refused(rule.isEmpty ? text : "\(text) rule=\(rule)"), reason: reason, byBroker: true)
    }

    /// CONNECT cannot be read. A client whose version is known is told why; any other connection is just closed.
    /// - Parameter packet: its beginning, or all of it.
    func refuseMalformedConnect(
        _ connection: ConnectionRef, _ error: DecodeError, _ packet: UnsafeRawBufferPointer
    ) {
        switch error.kind {
        case .unsupportedProtocolVersion(let level):
            // [MQTT-3.1.2-2]: in the form the client's version can read.
            connection.pointee.version = level >= 5 ? .v5_0 : .v3_1_1
            refuse(connection, .unsupportedProtocolVersion, error.description)
            return
        case .unsupportedProtocolName:
            // [MQTT-3.1.2-1]
            connection.pointee.version = .v5_0
            refuse(connection, .unsupportedProtocolVersion, error.description)
            return
        default: break
        }
        guard let version = Connect.announcedVersion(packet) else {
            end(connection, cause: .protocolViolation(error.description), reason: error.reasonCode, byBroker: true)
            return
        }
        connection.pointee.version = version
        let error = error.told(in: version)
        if version == .v5_0 {
            refuse(connection, error.reasonCode, error.description)
        } else {
            end(connection, cause: .protocolViolation(error.description), reason: error.reasonCode, byBroker: true)
        }
    }
}
