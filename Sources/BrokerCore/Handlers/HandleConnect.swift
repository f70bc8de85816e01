import MQTTCodec

/// CONNECT: read and checked, then handed to those who say whether the client may come in.
extension Shard {
    /// The first packet of a connection.
    func handleConnect(_ connection: ConnectionRef, _ frame: UnsafeRawBufferPointer) {
        guard var connect = readConnect(connection, frame) else { return }
        state.pointee.counters.connectsReceived &+= 1
        takeForm(connection, connect)
        if let timer = connection.pointee.timer { _ = wheel.cancel(timer) }
        connection.pointee.timer = nil
        var clientID = connect.clientID
        if clientID.isEmpty {
            if !connect.cleanStart && connect.version == .v3_1_1 {
                let problem = "empty Client Identifier needs Clean Session [MQTT-3.1.3-8]"
                guard tolerates(.noClientIdentifier, of: connection, problem) else {
                    refuse(connection, .clientIdentifierNotValid, problem)
                    return
                }
                connect.cleanStart = true
            }
            clientID = makeClientID()
        }
        let extras = connection.extras
        let known = extras.identity
        let isNamedByCertificate =
            shared.listeners[Int(connection.pointee.listener)].certificateIsLogin && !known.certificate.isEmpty
        extras.identity = known.with(
            username: isNamedByCertificate ? known.certificate : connect.userName ?? [], groups: [], account: [],
            clientID: clientID)
        extras.keepAlive = connect.keepAlive
        extras.wantsProblemInformation = connect.properties.requestProblemInformation != 0
        if isDraining {
            refuse(connection, .serverUnavailable, "the broker is stopping")
            return
        }
        if let will = connect.will, !acceptsWill(connection, will) { return }
        if let method = connect.properties.authenticationMethod {
            startExchange(connection, connect, method)
        } else {
            authenticate(connection, connect)
        }
    }

    /// The form of every answer to this client, a refusal too: its version, and no packet above its maximum
    /// [MQTT-3.1.2-24].
    func takeForm(_ connection: ConnectionRef, _ connect: Connect) {
        connection.pointee.version = connect.version
        connection.pointee.clientPacketLimit = Int32(
            clamping: connect.properties.maximumPacketSize ?? UInt32(Int32.max))
    }

    /// Nil: it cannot be read, and the connection has ended.
    private func readConnect(_ connection: ConnectionRef, _ frame: UnsafeRawBufferPointer) -> Connect? {
        do throws(DecodeError) {
            return try Connect.decode(frame: frame)
        } catch {
            if tolerates(error, of: connection), let connect = try? Connect.decode(frame: frame, lenient: true) {
                return connect
            }
            refuseMalformedConnect(connection, error, frame)
            return nil
        }
    }

    /// Limits on the will that CONNACK announces. False: refused.
    private func acceptsWill(_ connection: ConnectionRef, _ will: MQTTCodec.Will) -> Bool {
        if will.qos > settings.maximumQoS {
            refuse(connection, .qosNotSupported, "will with QoS \(will.qos) [MQTT-3.2.2-12]")
        } else if will.retain && !settings.retainAvailable {
            refuse(connection, .retainNotSupported, "will with RETAIN [MQTT-3.2.2-13]")
        } else if will.payload.count > settings.maximumPayloadSize {
            refuse(connection, .packetTooLarge, "will of \(will.payload.count) bytes")
        } else if will.topic.first == UInt8(ascii: "$") {
            refuse(connection, .topicNameInvalid, "will to a topic that starts with $")
        } else if TopicName.validate(will.topic) != nil || will.topic.count > settings.maximumTopicLength
            || will.topic.withUnsafeBytes({ TopicFilter.validate($0, maximumLevels: settings.maximumTopicLevels) })
                != nil
        {
            refuse(connection, .topicNameInvalid, "will to an invalid topic [MQTT-3.1.3-11]")
        } else {
            return true
        }
        return false
    }

    /// A Client Identifier nobody has, whose home is this shard [MQTT-3.1.3-6].
    private func makeClientID() -> [UInt8] {
        while true {
            let candidate = Array("auto-\(String(random.next(), radix: 36))".utf8)
            if shared.homeShard(of: candidate) == index, sessions[candidate] == nil { return candidate }
        }
    }
}
