import MQTTCodec
import PluginABI

/// tls.psk and tls.peer: who is behind a TLS connection.
extension Shard {
    /// The key of a client that offers a pre-shared one, during its handshake; nil: it has none, and the handshake
    /// fails. On the shard's thread. The caller wipes the key.
    public func preSharedKey(_ handle: UInt64, identity: [UInt8], now: Int64) -> [UInt8]? {
        state.pointee.now = now
        guard hooks.table.hasTLSPSK, let connection = state.pointee.connections.find(handle),
            connection.pointee.phase == .awaitingConnect
        else { return nil }
        hooks.beginTurn(now: now)
        let origin = connection.extras.identity
        let arena = HookArena(firstSize: 256, wipes: false)
        var input = hl_psk()
        input.struct_size = UInt32(MemoryLayout<hl_psk>.size)
        input.identity = arena.copy(identity)
        input.address = arena.copy(Array(origin.address.utf8))
        input.listener = arena.copy(Array(origin.listener.utf8))
        let outcome = withExtendedLifetime(arena) { hooks.tlsPSK(&input, now: now) }
        guard outcome == .allow, let key = hooks.lastResult.data, key.len > 0 else { return nil }
        return Array(key.bytes)
    }

    /// Whether a plugin knows pre-shared keys. On the shard's thread.
    public var hasPreSharedKeys: Bool { hooks.table.hasTLSPSK }

    /// Asks tls.peer about the certificate in the identity of the connection. What comes in waits meanwhile.
    func askPeer(_ connection: ConnectionRef, _ peer: TLSPeer) {
        guard hooks.table.hasTLSPeer else { return }
        let client = PluginClient(
            connection.extras.identity, connection: connection.pointee.id, protocolLevel: 0, isAnonymous: false)
        var input = hl_peer()
        input.struct_size = UInt32(MemoryLayout<hl_peer>.size)
        input.flags = HL_PEER_VERIFIED
        input.client = client.pointer
        input.subject = client.pointer.pointee.subject
        input.certificate = client.pointer.pointee.certificate_der
        input.fingerprint = client.pointer.pointee.fingerprint
        let outcome = peer.commonName.withUnsafeBytes { name in
            input.common_name = hl_view(name)
            return withExtendedLifetime(client) { hooks.tlsPeer(&input, now: now) }
        }
        concludePeer(connection, outcome)
        if connection.pointee.flags.contains(.hookPending) { pauseReading(connection) }
    }

    func concludePeer(_ connection: ConnectionRef, _ outcome: HookOutcome) {
        switch outcome {
        case .pending(let token, let deadline): park(connection, token: token, deadline: deadline, .peer)
        case .allow:
            let result = hooks.lastResult
            guard result.hasIdentity, result.username.len > 0 else { return }
            let extras = connection.extras
            extras.identity = extras.identity.with(certificate: Array(result.username.bytes))
        case .deny:
            end(
                connection, cause: .refused("tls.peer rule=\(hooks.lastResult.rule.text)"), reason: .notAuthorized,
                byBroker: true)
        default: break
        }
    }
}
