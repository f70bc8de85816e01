import MQTTCodec
import PluginABI

/// Who may connect by enhanced authentication: `auth.exchange`, step by step (section 4.12).
extension Shard {
    /// CONNECT names an Authentication Method: a plugin that knows it decides, and nobody else.
    func startExchange(_ connection: ConnectionRef, _ connect: Connect, _ method: [UInt8]) {
        guard hooks.table.hasAuthExchange else {
            refuse(connection, .badAuthenticationMethod, "no plugin offers this authentication method [MQTT-4.12.0-1]")
            return
        }
        connection.pointee.phase = .authenticating
        connection.extras.enhanced = EnhancedAuthentication(method: method, connect: connect)
        askExchange(connection, data: connect.properties.authenticationData ?? [], properties: [])
    }

    /// Asks the plugins about the next step.
    func askExchange(_ connection: ConnectionRef, data: [UInt8], properties: [UInt8]) {
        let extras = connection.extras
        guard let exchange = extras.enhanced else { return }
        let arena = HookArena(firstSize: 1024, wipes: true)
        let client =
            connection.isOnline
            ? self.client(connection)
            : PluginClient(
                extras.identity, connection: connection.pointee.id, protocolLevel: connection.pointee.version.rawValue,
                isAnonymous: false)
        let lent = exchange.step == 0 ? exchange.connect.map { PluginConnect($0, client) } : nil
        var input = hl_exchange()
        input.struct_size = UInt32(MemoryLayout<hl_exchange>.size)
        input.flags = exchange.connect == nil ? HL_EXCHANGE_AGAIN : 0
        input.client = client.pointer
        input.method = arena.copy(exchange.method)
        input.data = arena.copy(data)
        input.memo = arena.copy(exchange.memo)
        input.step = exchange.step
        input.connect = lent?.pointer
        input.properties = arena.copy(properties)
        let outcome = withExtendedLifetime((client, lent, arena)) {
            arena.hasFailed ? .deny : hooks.authExchange(&input, only: exchange.instance, now: now)
        }
        concludeExchange(connection, outcome)
    }

    /// Acts on what the plugin said to one step.
    func concludeExchange(_ connection: ConnectionRef, _ outcome: HookOutcome) {
        guard let exchange = connection.extras.enhanced else { return }
        switch outcome {
        case .pending(let token, let deadline):
            park(connection, token: token, deadline: deadline, .exchange)
        case .challenge:
            let result = hooks.lastResult
            let data = result.data.map { Array($0.bytes) }
            exchange.advance(memo: Array(result.memo.bytes), instance: result.deciderNumber)
            // [MQTT-4.12.0-2]
            sendAuth(connection, .continueAuthentication, data)
            if exchange.connect != nil { awaitAuth(connection) }
        case .allow:
            let result = hooks.lastResult
            exchange.finish(data: result.data.map { Array($0.bytes) }, instance: result.deciderNumber)
            if let connect = exchange.connect {
                exchange.connect = nil
                connection.pointee.phase = .authenticating
                takeIdentity(connection)
                if takeCredentialsEnd(connection) { proceed(connection, connect) }
            } else {
                finishReauthentication(connection, exchange)
            }
        default: failExchange(connection, exchange, outcome)
        }
    }

    /// [MQTT-4.12.0-1, -4] and, for a re-authentication, [MQTT-4.12.1-2].
    private func failExchange(
        _ connection: ConnectionRef, _ exchange: EnhancedAuthentication, _ outcome: HookOutcome
    ) {
        guard let connect = exchange.connect else {
            let result = hooks.lastResult
            let wanted = UInt8(exactly: result.reasonCode).map(ReasonCode.init) ?? .notAuthorized
            failReauthentication(connection, result.hasFailed ? .serverBusy : wanted)
            return
        }
        exchange.finish(data: nil, instance: 0)
        if outcome == .deny {
            refuseDenied(connection, connect)
        } else if exchange.step == 0 {
            refuse(connection, .badAuthenticationMethod, "no plugin knows this authentication method [MQTT-4.12.0-1]")
        } else {
            refuse(connection, .notAuthorized, "the plugin of the exchange has no opinion any more")
        }
    }

    private func failReauthentication(_ connection: ConnectionRef, _ wanted: ReasonCode) {
        // DISCONNECT has fewer codes than CONNACK: 0x86 is not one of them.
        let known: [ReasonCode] = [.serverBusy, .administrativeAction, .quotaExceeded, .maximumConnectTime]
        disconnect(
            connection, reason: known.contains(wanted) ? wanted : .notAuthorized, cause: .refused("re-authentication"))
    }

    /// The client has proved again who it is: what its new groups forbid ends, its credentials live on.
    private func finishReauthentication(_ connection: ConnectionRef, _ exchange: EnhancedAuthentication) {
        let extras = connection.extras
        let result = hooks.lastResult
        let name = result.username.bytes
        guard !result.hasIdentity || name.isEmpty || name.elementsEqual(extras.identity.username) else {
            failReauthentication(connection, .notAuthorized)
            return
        }
        takeIdentity(connection)
        identityChanged(connection)
        guard takeCredentialsEnd(connection) else { return }
        startCredentialsTimer(connection)
        hooks.revokeVerdicts(connection: connection.pointee.id)
        sendAuth(connection, .success, exchange.takeFinalData())
        if result.hasIdentity, let session = connection.pointee.session { recheck(session, connection) }
    }
}
