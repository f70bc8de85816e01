// HOT PATH: one look-up and one pass over the bytes per read; bytes are copied only when a packet is incomplete.
import Glibc
import MQTTCodec
import Timing

extension Shard {
    /// A transport connection was accepted. Returns the handle by which the transport names it from now on.
    /// - Parameters:
    ///   - listener: index into the listeners given to ``Broker``.
    ///   - peer: address for logs, such as `10.0.0.7:51234`.
    public func opened(transport handle: UInt64, listener: Int, peer: String, now: Int64) -> UInt64 {
        state.pointee.now = now
        state.pointee.counters.connectionsAccepted &+= 1
        let identity = ClientIdentity(
            clientID: [], username: [], groups: [], account: [], address: peer,
            listener: shared.listeners[listener].name, layers: shared.listeners[listener].layers,
            mountPoint: shared.listeners[listener].mountPoint)
        let extras = ConnectionExtras(identity: identity, connectedAt: now)
        let connection = insertConnection(transport: handle, listener: listener, extras: extras)
        connection.pointee.timer = wheel.schedule(
            at: now &+ settings.connectTimeout, kind: TimerKind.connectTimeout.rawValue,
            payload: connection.pointee.handle)
        decideAccept(connection)
        return connection.pointee.handle
    }

    /// The transport learned who the peer is before its CONNECT: its address behind a proxy, or what TLS has found out.
    /// Nil leaves what was known. What comes in waits while a plugin looks at a certificate.
    public func identified(_ handle: UInt64, address: String?, peer: TLSPeer?, now: Int64) {
        state.pointee.now = now
        guard let connection = state.pointee.connections.find(handle),
            connection.pointee.phase == .awaitingConnect
        else { return }
        let extras = connection.extras
        extras.identity = extras.identity.with(address: address, certificate: peer?.name, peer: peer)
        guard let peer, !peer.fingerprint.isEmpty else { return }
        hooks.beginTurn(now: now)
        askPeer(connection, peer)
    }

    /// Address and listener of a connection, for a line of the log; nil when it is gone.
    public func origin(of handle: UInt64) -> (address: String, listener: String)? {
        guard let connection = state.pointee.connections.find(handle) else { return nil }
        let identity = connection.extras.identity
        return (identity.address, identity.listener)
    }

    /// Bytes came in. Borrowed until the return; all are taken.
    public func received(_ handle: UInt64, _ bytes: UnsafeRawBufferPointer, now: Int64) {
        state.pointee.now = now
        guard let connection = state.pointee.connections.find(handle), connection.pointee.phase != .closed else {
            return
        }
        hooks.beginTurn(now: now)
        state.pointee.counters.bytesReceived &+= UInt64(truncatingIfNeeded: bytes.count)
        if connection.pointee.input.count == 0 && connection.pointee.flags.isDisjoint(with: .holdsInput) {
            let result = handlePackets(connection, bytes)
            keepRest(connection, bytes, result)
        } else {
            guard hasRoomForInput(connection, bytes.count) else { return }
            connection.pointee.input.append(bytes, expected: connection.pointee.input.count + bytes.count)
            handleKeptInput(connection)
        }
    }

    /// While something holds the connection back, no more is kept than the bound. False: the connection has ended.
    private func hasRoomForInput(_ connection: ConnectionRef, _ count: Int) -> Bool {
        let bound = settings.maximumPendingInput
        guard !connection.pointee.flags.isDisjoint(with: .holdsInput), connection.pointee.input.count + count > bound
        else { return true }
        disconnect(
            connection, reason: .quotaExceeded, cause: .limit("more than \(bound) bytes came in while it had to wait"))
        return false
    }

    /// The socket takes bytes again after a partial write.
    public func writable(_ handle: UInt64, now: Int64) {
        state.pointee.now = now
        guard let connection = state.pointee.connections.find(handle) else { return }
        connection.pointee.flags.remove(.blocked)
        markDirty(connection)
    }

    /// The connection is gone: closed by the peer, reset, or broken.
    public func closed(_ handle: UInt64, now: Int64) {
        state.pointee.now = now
        guard let connection = state.pointee.connections.find(handle), connection.pointee.phase != .closed else {
            return
        }
        hooks.beginTurn(now: now)
        end(connection, cause: connection.extras.cause ?? .connectionLost, reason: .unspecifiedError)
    }

    // MARK: Input

    /// How a run over received bytes ended.
    struct InputResult {
        /// Bytes of whole packets that were handled.
        var used: Int
        /// Size of the packet whose beginning is left, when known.
        var expected: Int
    }

    /// Handles all complete packets in `bytes`, until one has to wait for a hook.
    @inline(__always)
    private func handlePackets(_ connection: ConnectionRef, _ bytes: UnsafeRawBufferPointer) -> InputResult {
        guard let base = bytes.baseAddress else { return InputResult(used: 0, expected: 0) }
        var offset = 0
        while offset < bytes.count {
            let maximum = connection.isOnline ? settings.maximumPacketSize : packetSizeBeforeLogin
            // CONNECT looks at this itself, once it knows the version.
            switch FrameScan.scan(
                base + offset, count: bytes.count &- offset, maximumPacketSize: maximum,
                minimal: connection.pointee.version == .v5_0)
            {
            case .frame(let length, let bodyOffset):
                if base.load(fromByteOffset: offset, as: UInt8.self) >> 4 == PacketType.publish.rawValue,
                    connection.isOnline
                {
                    handlePublish(connection, base + offset, length, bodyOffset)
                } else {
                    handleOther(connection, UnsafeRawBufferPointer(start: base + offset, count: length), bodyOffset)
                }
                state.pointee.counters.packetsReceived &+= 1
                // A whole packet: the beginning of one does not keep a client alive [MQTT-3.1.2-22].
                connection.pointee.lastReceived = now
                offset &+= length
                if connection.pointee.phase == .closed { return InputResult(used: bytes.count, expected: 0) }
                if !connection.pointee.flags.isDisjoint(with: .holdsInput) {
                    return InputResult(used: offset, expected: 0)
                }
            case .needMore(let total):
                if refuseEarly(connection, base.load(fromByteOffset: offset, as: UInt8.self)) {
                    return InputResult(used: bytes.count, expected: 0)
                }
                return InputResult(used: offset, expected: total)
            case .malformed(let error):
                streamFailure(connection, error, UnsafeRawBufferPointer(rebasing: bytes[offset...]))
                return InputResult(used: bytes.count, expected: 0)
            }
        }
        return InputResult(used: offset, expected: 0)
    }

    /// Of whom nobody knows who they are, less is taken.
    private var packetSizeBeforeLogin: Int { min(settings.maximumConnectSize, settings.maximumPacketSize) }

    /// One byte is enough to know what no client sends: no waiting for the rest. True: the connection has ended.
    private func refuseEarly(_ connection: ConnectionRef, _ first: UInt8) -> Bool {
        if connection.pointee.phase == .awaitingConnect {
            guard first >> 4 != PacketType.connect.rawValue else { return false }
            failedToConnect(connection)
            return true
        }
        // A lenient listener has to see the whole packet.
        guard connection.isOnline, !connection.pointee.flags.contains(.lenient),
            let error = DecodeError.ofFirstByte(first, version: connection.pointee.version)
        else { return false }
        protocolFailure(connection, error)
        return true
    }

    /// No packet can be made out at the beginning of `rest`.
    private func streamFailure(_ connection: ConnectionRef, _ error: DecodeError, _ rest: UnsafeRawBufferPointer) {
        let version = connection.pointee.version
        if connection.isOnline {
            protocolFailure(connection, error.told(in: version))
        } else if connection.pointee.phase == .exchanging {
            refuse(connection, error.reasonCode, error.told(in: version).description)
        } else if rest[0] >> 4 != PacketType.connect.rawValue {
            failedToConnect(connection)
        } else {
            refuseMalformedConnect(connection, error, rest)
        }
    }

    /// Keeps what was not handled and stops reading while something holds the connection back.
    @inline(__always)
    private func keepRest(_ connection: ConnectionRef, _ bytes: UnsafeRawBufferPointer, _ result: InputResult) {
        if result.used < bytes.count, connection.pointee.phase != .closed {
            connection.pointee.input.append(
                UnsafeRawBufferPointer(rebasing: bytes[result.used...]), expected: result.expected)
        }
        if !connection.pointee.flags.isDisjoint(with: [.hookPending, .backpressure, .rateHeld]) {
            pauseReading(connection)
        }
    }

    /// Handles what is kept in the input, as far as it goes.
    func handleKeptInput(_ connection: ConnectionRef) {
        guard connection.pointee.flags.isDisjoint(with: .holdsInput), connection.pointee.phase != .closed else {
            return
        }
        let kept = connection.pointee.input.take()
        let bytes = UnsafeRawBufferPointer(start: kept.base, count: kept.count)
        let result = handlePackets(connection, bytes)
        if result.used == 0, connection.pointee.phase != .closed {
            connection.pointee.input.putBack(kept, expected: result.expected)
        } else {
            keepRest(connection, bytes, result)
            free(kept.base)
        }
    }

    // MARK: Flow control

    /// Stops reading; the kernel's buffer then slows the peer.
    func pauseReading(_ connection: ConnectionRef) {
        guard !connection.pointee.flags.contains(.readingPaused), connection.pointee.phase != .closed else { return }
        connection.pointee.flags.insert(.readingPaused)
        transport.pauseReading(connection.pointee.transport)
    }

    /// Goes on with what was kept, then reads again, when nothing holds the connection back any more.
    func resumeInput(_ connection: ConnectionRef) {
        handleKeptInput(connection)
        guard connection.pointee.flags.contains(.readingPaused), connection.pointee.phase != .closed,
            connection.pointee.flags.isDisjoint(with: .holdsInput)
        else { return }
        connection.pointee.flags.remove(.readingPaused)
        // The silence was ours, not the client's: keep-alive starts again.
        connection.pointee.lastReceived = now
        transport.resumeReading(connection.pointee.transport)
    }

    /// Puts a connection into the slab.
    func insertConnection(transport handle: UInt64, listener: Int, extras: ConnectionExtras) -> ConnectionRef {
        state.pointee.nextConnectionID &+= 1
        let inserted = state.pointee.connections.insert(
            Connection(
                id: state.pointee.nextConnectionID, transport: handle, lastReceived: now,
                listener: UInt16(truncatingIfNeeded: listener), extras: .passRetained(extras)))
        inserted.pointer.pointee.handle = inserted.handle
        state.pointee.connectionsByListener[listener] += 1
        if shared.listeners[listener].isLenient { inserted.pointer.pointee.flags.insert(.lenient) }
        if !extras.identity.mountPoint.isEmpty { inserted.pointer.pointee.flags.insert(.mounted) }
        return inserted.pointer
    }
}
