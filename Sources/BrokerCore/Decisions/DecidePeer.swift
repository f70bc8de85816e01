import MQTTCodec
import PluginABI

/// What TLS knows of a client that has shown a certificate.
public struct TLSPeer: Sendable {
    /// The certificate chains to an authority of the listener.
    public var isVerified: Bool
    /// As in RFC 4514.
    public var subject: [UInt8]
    /// Of the subject, UTF-8.
    public var commonName: [UInt8]
    /// DER.
    public var certificate: [UInt8]
    /// SHA-256 of the certificate, 32 bytes.
    public var fingerprint: [UInt8]

    /// A certificate.
    public init(
        isVerified: Bool, subject: [UInt8], commonName: [UInt8], certificate: [UInt8], fingerprint: [UInt8]
    ) {
        self.isVerified = isVerified
        self.subject = subject
        self.commonName = commonName
        self.certificate = certificate
        self.fingerprint = fingerprint
    }
}

/// tls.psk and tls.peer: who is behind a TLS connection.
extension Shard {
    /// The key of a client that offers a pre-shared one, during its handshake; nil: it has none, and the handshake
    /// fails. On the shard's thread. The caller wipes the key.
    public func preSharedKey(identity: [UInt8], listener: Int, peer: String, now: Int64) -> [UInt8]? {
        state.pointee.now = now
        guard hooks.table.hasTLSPSK else { return nil }
        let arena = HookArena(firstSize: 256, wipes: false)
        var input = hl_psk()
        input.struct_size = UInt32(MemoryLayout<hl_psk>.size)
        input.identity = arena.copy(identity)
        input.address = arena.copy(Array(peer.utf8))
        input.listener = arena.copy(Array(shared.listeners[listener].name.utf8))
        let outcome = withExtendedLifetime(arena) { hooks.tlsPSK(&input, now: now) }
        guard outcome == .allow, let key = hooks.lastResult.data, key.len > 0 else { return nil }
        return Array(key.bytes)
    }

    /// The handshake of a connection is over and its client has shown a certificate: called before any byte of MQTT is
    /// passed on. What comes in waits while a plugin looks at it. On the shard's thread.
    public func peerVerified(_ handle: UInt64, _ peer: TLSPeer, now: Int64) {
        state.pointee.now = now
        guard let connection = state.pointee.connections.find(handle), connection.pointee.phase == .awaitingConnect
        else { return }
        if peer.isVerified {
            connection.extras.identity = connection.extras.identity.with(certificate: peer.commonName)
        }
        askPeer(connection, peer)
    }

    /// Asks tls.peer about a certificate whose name is in the identity of the connection.
    func askPeer(_ connection: ConnectionRef, _ peer: TLSPeer) {
        guard hooks.table.hasTLSPeer else { return }
        let extras = connection.extras
        let arena = HookArena(firstSize: 2048, wipes: false)
        let client = PluginClient(
            extras.identity, connection: connection.pointee.id, protocolLevel: 0, isAnonymous: false)
        var input = hl_peer()
        input.struct_size = UInt32(MemoryLayout<hl_peer>.size)
        input.flags = peer.isVerified ? HL_PEER_VERIFIED : 0
        input.client = client.pointer
        input.subject = arena.copy(peer.subject)
        input.common_name = arena.copy(peer.commonName)
        input.certificate = arena.copy(peer.certificate)
        input.fingerprint = arena.copy(peer.fingerprint)
        let outcome = withExtendedLifetime((arena, client)) { hooks.tlsPeer(&input, now: now) }
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
