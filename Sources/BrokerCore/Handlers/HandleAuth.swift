import MQTTCodec
import Timing

/// AUTH packets (section 3.15), and the end of credentials.
extension Shard {
    /// A packet between the server's AUTH and CONNACK: AUTH goes on, DISCONNECT gives up, anything else is an error
    /// [MQTT-3.1.2-30].
    func handleExchanging(_ connection: ConnectionRef, _ frame: UnsafeRawBufferPointer) {
        let packet: Packet
        do {
            packet = try Packet.decode(frame: frame, version: connection.pointee.version, role: .fromClient)
        } catch {
            refuse(connection, error.reasonCode, error.description)
            return
        }
        switch packet {
        case .auth(let auth):
            guard auth.reason == .continueAuthentication else {
                refuse(connection, .protocolError, "AUTH with \(auth.reason) during the log-in [MQTT-4.12.0-3]")
                return
            }
            guard let exchange = connection.extras.enhanced,
                auth.properties.authenticationMethod == exchange.method
            else {
                refuse(connection, .protocolError, "AUTH with another method than CONNECT [MQTT-4.12.0-5]")
                return
            }
            if let timer = connection.pointee.timer { _ = wheel.cancel(timer) }
            connection.pointee.timer = nil
            connection.pointee.phase = .authenticating
            askExchange(connection, auth)
        case .disconnect:
            end(connection, cause: .clientDisconnect, reason: .notAuthorized)
        default:
            refuse(connection, .protocolError, "\(packet.type.name) before CONNACK [MQTT-3.1.2-30]")
        }
    }

    /// AUTH from a client that is online.
    func handleReauthentication(_ connection: ConnectionRef, _ auth: Auth) {
        guard let exchange = connection.extras.enhanced else {
            protocolFailure(connection, .protocolError, "AUTH without authentication method in CONNECT [MQTT-4.12.0-7]")
            return
        }
        guard auth.properties.authenticationMethod == exchange.method else {
            protocolFailure(connection, .protocolError, "AUTH with another method than CONNECT [MQTT-4.12.1-1]")
            return
        }
        switch (auth.reason, exchange.isActive) {
        case (.reAuthenticate, false): exchange.restart()
        case (.continueAuthentication, true): break
        case (.reAuthenticate, true):
            protocolFailure(connection, .protocolError, "a second re-authentication during one (section 4.12.1)")
            return
        default:
            protocolFailure(connection, .protocolError, "AUTH with \(auth.reason) without an exchange [MQTT-4.12.0-3]")
            return
        }
        askExchange(connection, auth)
    }

    private func askExchange(_ connection: ConnectionRef, _ auth: Auth) {
        var user = Properties()
        user.userProperties = auth.properties.userProperties
        askExchange(
            connection, data: auth.properties.authenticationData ?? [], properties: user.wireForm(in: .auth))
    }

    /// Sends one step of the exchange with the method of CONNECT [MQTT-4.12.0-5].
    func sendAuth(_ connection: ConnectionRef, _ reason: ReasonCode, _ data: [UInt8]?) {
        guard let exchange = connection.extras.enhanced else { return }
        var packet = Auth(reason: reason)
        packet.properties.authenticationMethod = exchange.method
        packet.properties.authenticationData = data
        guard !send(connection, .auth(packet)) else { return }
        let words = "AUTH is larger than the client's maximum [MQTT-3.1.2-24]"
        if connection.isOnline {
            disconnect(connection, reason: .packetTooLarge, cause: .limit(words))
        } else {
            refuse(connection, .packetTooLarge, words)
        }
    }

    /// The client's AUTH has as much time as its CONNECT had.
    func awaitAuth(_ connection: ConnectionRef) {
        guard connection.pointee.phase != .closed else { return }
        connection.pointee.phase = .exchanging
        connection.pointee.timer = wheel.schedule(
            at: now &+ settings.connectTimeout, kind: TimerKind.connectTimeout.rawValue,
            payload: connection.pointee.handle)
    }

    // MARK: The end of credentials

    /// Takes over when the credentials end, which the plugin that let the client in has said. False: they are over,
    /// and the client is refused.
    func takeCredentialsEnd(_ connection: ConnectionRef) -> Bool {
        let end = hooks.lastResult.expiresAt
        connection.extras.credentialsEnd = end == .max ? 0 : end
        guard end != 0, end <= now else { return true }
        if connection.isOnline {
            disconnect(connection, reason: .notAuthorized, cause: .credentialsExpired)
        } else {
            refuse(connection, .notAuthorized, "the credentials are no longer valid")
        }
        return false
    }

    /// Starts, moves or stops the timer of a connection that is online.
    func startCredentialsTimer(_ connection: ConnectionRef) {
        let extras = connection.extras
        if let timer = extras.credentialsTimer { _ = wheel.cancel(timer) }
        extras.credentialsTimer = nil
        guard extras.credentialsEnd != 0 else { return }
        extras.credentialsTimer = wheel.schedule(
            at: extras.credentialsEnd, kind: TimerKind.credentials.rawValue, payload: connection.pointee.handle)
    }

    /// The credentials of a connection end now: 5.0 clients learn it by 0xA0, Maximum connect time.
    func credentialsEnded(_ handle: UInt64) {
        guard let connection = state.pointee.connections.find(handle), connection.isOnline else { return }
        connection.extras.credentialsTimer = nil
        disconnect(connection, reason: .maximumConnectTime, cause: .credentialsExpired)
    }
}
