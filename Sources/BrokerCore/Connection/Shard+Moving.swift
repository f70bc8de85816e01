import MQTTCodec

/// A connection that was let in goes to the shard where its session lives.
extension Shard {
    /// The plugins have let the client in: on to the shard where its session lives.
    func admitAuthenticated(_ connection: ConnectionRef, _ connect: Connect) {
        // Whoever had to see the whole certificate has seen it; a broker of many clients need not keep them all.
        let extras = connection.extras
        if let peer = extras.identity.peer, !peer.certificate.isEmpty {
            identityChanged(connection)
            extras.identity = extras.identity.with(peer: peer.withoutCertificate)
        }
        let home = shared.homeShard(of: connection.extras.identity.clientID)
        guard home != index else {
            decideSession(connection, connect)
            return
        }
        // Not at once: what was read together with CONNECT has to go along.
        connection.extras.moving = connect
        connection.pointee.flags.insert(.moving)
        state.pointee.movingConnections.append(connection.pointee.handle)
    }

    /// Hands the connections of this turn over to their home shards.
    func moveConnections() {
        for handle in state.pointee.movingConnections {
            guard let connection = state.pointee.connections.find(handle), connection.pointee.phase != .closed,
                let connect = connection.extras.moving
            else { continue }
            let extras = connection.extras
            extras.moving = nil
            // The home shard makes its own; ids and pointers of this shard end here.
            identityChanged(connection)
            let transfer = ConnectionTransfer(
                connect: connect, extras: extras, listener: Int(connection.pointee.listener),
                unread: Array(connection.pointee.input.bytes))
            connection.pointee.phase = .closed
            state.pointee.endedConnections.append(handle)
            transport.move(connection.pointee.transport, to: shared.homeShard(of: extras.identity.clientID), transfer)
        }
        state.pointee.movingConnections.removeAll(keepingCapacity: true)
    }

    /// Takes over a connection that another shard authenticated. Returns its handle.
    public func adopt(_ transfer: ConnectionTransfer, transport handle: UInt64, now: Int64) -> UInt64 {
        state.pointee.now = now
        hooks.beginTurn(now: now)
        let connection = insertConnection(transport: handle, listener: transfer.listener, extras: transfer.extras)
        takeForm(connection, transfer.connect)
        decideSession(connection, transfer.connect)
        let result = connection.pointee.handle
        guard connection.pointee.phase != .closed else { return result }
        if !transfer.unread.isEmpty {
            transfer.unread.withUnsafeBytes { connection.pointee.input.append($0, expected: $0.count) }
            handleKeptInput(connection)
        }
        if connection.pointee.flags.contains(.hookPending) {
            pauseReading(connection)
            return result
        }
        // A stream whose log-in a plugin decided later arrives paused, and nobody else here knows.
        if !connection.pointee.flags.contains(.readingPaused) { self.transport.resumeReading(handle) }
        return result
    }
}

/// A connection on its way to its home shard. Touched by one thread at a time: the loop that gives it away does not
/// keep it.
public final class ConnectionTransfer: @unchecked Sendable {
    // Unchecked: handed from one loop to another exactly once, through a mailbox whose lock orders the accesses; the
    // giving shard drops its reference in the same call.
    let connect: Connect
    let extras: ConnectionExtras
    let listener: Int
    let unread: [UInt8]

    init(connect: Connect, extras: ConnectionExtras, listener: Int, unread: [UInt8]) {
        self.connect = connect
        self.extras = extras
        self.listener = listener
        self.unread = unread
    }
}
