// HOT PATH: a few comparisons.
import MQTTCodec

/// What the broker said in CONNACK holds.
extension Shard {
    /// What the broker said in CONNACK holds: QoS, retain, payload size, quota. False: the connection has ended.
    @inline(__always)
    func withinLimits(_ connection: ConnectionRef, _ header: PublishHeader) -> Bool {
        if header.payloadLength <= settings.maximumPayloadSize, header.qos <= settings.maximumQoS,
            !header.retain || settings.retainAvailable, header.qos == 0 || quotaLeft(connection, header)
        {
            return true
        }
        return limitExceeded(connection, header)
    }

    @inline(__always)
    private func quotaLeft(_ connection: ConnectionRef, _ header: PublishHeader) -> Bool {
        let open = connection.pointee.session.unsafelyUnwrapped.pointee.received.count
        return open < connection.pointee.receiveLimit || connection.pointee.version != .v5_0 || header.qos < 2
    }

    @inline(never)
    private func limitExceeded(_ connection: ConnectionRef, _ header: PublishHeader) -> Bool {
        if header.payloadLength > settings.maximumPayloadSize {
            let text = "payload of \(header.payloadLength) bytes, the limit is \(settings.maximumPayloadSize)"
            disconnect(connection, reason: .packetTooLarge, cause: .limit(text))
        } else if header.qos > settings.maximumQoS {
            protocolFailure(
                connection, .qosNotSupported, "QoS \(header.qos), the maximum is \(settings.maximumQoS) [MQTT-3.2.2-11]"
            )
        } else if header.retain && !settings.retainAvailable {
            protocolFailure(connection, .retainNotSupported, "RETAIN is not available here [MQTT-3.2.2-14]")
        } else {
            let problem = "more than \(settings.receiveMaximum) QoS 2 messages without PUBREL [MQTT-3.3.4-7]"
            if tolerates(.receiveMaximumExceeded, of: connection, problem) { return true }
            protocolFailure(connection, .receiveMaximumExceeded, problem)
        }
        return false
    }
}
