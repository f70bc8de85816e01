import MQTTCodec
import Timing

/// Opening, ending and expiring sessions.
extension Shard {
    /// The session of `clientID`, if this broker has one. Call on its home shard.
    func findSession(_ clientID: [UInt8]) -> SessionRef? { sessions[clientID] }

    /// Session with `id`, when this shard is its home and it lives.
    func findSession(id: UInt64) -> SessionRef? {
        guard Int(id >> 56) == index, let session = state.pointee.sessions.find(id & 0x00ff_ffff_ffff_ffff),
            !session.pointee.flags.contains(.ended)
        else { return nil }
        return session
    }

    /// Client Identifier of a session of this shard, also of one that ends in this turn; empty when it is none.
    func clientID(ofSession id: UInt64) -> [UInt8] {
        guard id != 0, Int(id >> 56) == index else { return [] }
        return state.pointee.sessions.find(id & 0x00ff_ffff_ffff_ffff)?.pointee.clientID ?? []
    }

    /// A new, empty session.
    func makeSession(_ clientID: [UInt8], version: ProtocolVersion) -> SessionRef {
        let inserted = state.pointee.sessions.insert(
            Session(
                id: 0, handle: 0, clientID: clientID, windowLimit: Int32(settings.maximumInflight), version: version))
        inserted.pointer.pointee = Session(
            id: UInt64(index) << 56 | inserted.handle, handle: inserted.handle, clientID: clientID,
            windowLimit: Int32(settings.maximumInflight), version: version)
        sessions[clientID] = inserted.pointer
        shared.countSessions(1)
        return inserted.pointer
    }

    /// Ends a session: subscriptions, queue and in-flight state go [MQTT-4.1.0-2]; a will that was waiting is
    /// published now [MQTT-3.1.2-8].
    func endSession(_ session: SessionRef, expired: Bool) {
        guard !session.pointee.flags.contains(.ended) else { return }
        session.pointee.flags.insert(.ended)
        cancelTimers(of: session)
        sessions[session.pointee.clientID] = nil
        shared.countSessions(-1)
        if let will = session.pointee.will {
            session.pointee.will = nil
            publishWill(will, of: session)
        }
        state.pointee.tree.removeAll(from: &session.pointee.subscriptions) { subscription in
            leaveGroup(session, UnsafeRawBufferPointer(subscription.pointee.filterBytes))
        }
        returnToGroups(session)
        session.pointee.queue.forEach { entry in
            // Those of shared groups go to another member.
            if entry.group == 0 { state.pointee.counters.dropped[Int(DropReason.sessionEnded.rawValue)] &+= 1 }
        }
        persistSessionEnd(session)
        wakeWaiters(session)
        state.pointee.endedSessions.append(session.pointee.handle)
        if expired { state.pointee.counters.sessionsExpired &+= 1 }
        if session.pointee.flags.contains(.persistent) {
            transport.event(.sessionEnded(clientID: session.pointee.clientID, expired: expired))
        }
    }

    /// Frees what a session holds outside the slab.
    func releaseMemory(of session: SessionRef) {
        session.pointee.window.release()
        session.pointee.queue.release()
        session.pointee.received.release()
    }

    func cancelTimers(of session: SessionRef) {
        if let timer = session.pointee.willTimer { _ = wheel.cancel(timer) }
        if let timer = session.pointee.expiryTimer { _ = wheel.cancel(timer) }
        if let timer = session.pointee.queueTimer { _ = wheel.cancel(timer) }
        session.pointee.queueTimer = nil
        session.pointee.willTimer = nil
        session.pointee.expiryTimer = nil
        session.pointee.willDue = .max
        session.pointee.expiresAt = .max
    }

    /// Does what the timers of an offline session are about to do, when their time has come: a client that returns too
    /// late finds its session gone and its will published [MQTT-3.1.3-9], though the turn has not come to its timers.
    func settleDeadlines(of session: SessionRef) {
        guard session.pointee.connection == nil else { return }
        if session.pointee.willDue <= now {
            if let timer = session.pointee.willTimer { _ = wheel.cancel(timer) }
            willDue(session.pointee.handle)
        }
        if session.pointee.expiresAt <= now { endSession(session, expired: true) }
    }

    /// The session is offline from now on; it ends when its expiry interval has passed [MQTT-3.1.2-23].
    func startExpiry(_ session: SessionRef) {
        persistOffline(session)
        scheduleExpiry(session, since: now)
        watchQueue(session)
    }

    /// The session ends when its expiry interval has passed since `since`.
    func scheduleExpiry(_ session: SessionRef, since: Int64) {
        guard session.pointee.expiryInterval != .max else { return }
        session.pointee.expiresAt = max(0, since &+ Int64(session.pointee.expiryInterval) &* 1_000_000_000)
        session.pointee.expiryTimer = wheel.schedule(
            at: session.pointee.expiresAt, kind: TimerKind.sessionExpiry.rawValue, payload: session.pointee.handle)
    }

    func sessionExpired(_ handle: UInt64) {
        guard let session = state.pointee.sessions.find(handle), session.pointee.connection == nil else { return }
        session.pointee.expiryTimer = nil
        endSession(session, expired: true)
    }

    /// Whether publishers wait for the session's queue, and may go on.
    func hasRoomAgain(_ session: SessionRef) -> Bool {
        session.pointee.flags.contains(.hasWaiters)
            && session.pointee.queue.count &* 2 <= settings.maximumQueuedMessages
            && session.pointee.queue.byteCount &* 2 <= settings.maximumQueuedBytes
    }

    /// Publishers that wait for room in the session's queue go on.
    func wakeWaiters(_ session: SessionRef) {
        guard session.pointee.flags.contains(.hasWaiters) else { return }
        session.pointee.flags.remove(.hasWaiters)
        for handle in queueWaiters.removeValue(forKey: session.pointee.id) ?? [] {
            guard let connection = state.pointee.connections.find(handle) else { continue }
            connection.pointee.flags.remove(.backpressure)
            resumeInput(connection)
        }
        for publisher in remoteWaiters.removeValue(forKey: session.pointee.id) ?? [] {
            send(.queueHasRoom(publisher: publisher), to: Int(publisher >> 56))
        }
    }

    /// A session of another shard has no room for what `publisher` sends, or has it again.
    func holdBack(publisher: UInt64, _ holds: Bool) {
        guard let session = findSession(id: publisher), let connection = session.pointee.connection else { return }
        if !holds {
            connection.pointee.flags.remove(.backpressure)
            resumeInput(connection)
        } else if mayWait(session) {
            connection.pointee.flags.insert(.backpressure)
            pauseReading(connection)
        }
    }
}
