import Glibc
internal import Timing

extension EventLoop {
    private static let lingerNanoseconds: Int64 = 2_000_000_000

    /// Closes a stream. Its id is stale at once; `closed` with the reason `local` comes later in the turn.
    public func close(_ stream: StreamID, _ mode: CloseMode) {
        assertOnLoop()
        guard let record = state.pointee.streams.find(stream) else { return }
        report(record, stream, .local)
        switch mode {
        case .abort: release(record, stream)
        case .graceful: linger(record, stream)
        }
    }

    /// Gives a stream another context word; one that was closed in this turn brings it in `closed`.
    public func setContext(_ stream: StreamID, _ context: UInt64) {
        assertOnLoop()
        if let record = state.pointee.streams.find(stream) {
            record.pointee.context = context
            return
        }
        for position in state.pointee.localCloses.indices
        where state.pointee.localCloses[position].stream == stream {
            state.pointee.localCloses[position].context = context
        }
    }

    /// The stream ends in the course of its own event: the handler is not on the stack and hears of it at once.
    func end(
        _ record: UnsafeMutablePointer<StreamRecord>, _ stream: StreamID, _ reason: CloseReason,
        _ handler: any StreamHandler
    ) {
        let context = record.pointee.context
        release(record, stream)
        handler.closed(stream, context: context, reason: reason, now: now)
    }

    /// As `end`, for a stream whose filter has just told the peer why: closing with bytes unread would reset the
    /// connection under that.
    func endWithLastWords(
        _ record: UnsafeMutablePointer<StreamRecord>, _ stream: StreamID, _ reason: CloseReason,
        _ handler: any StreamHandler
    ) {
        let context = record.pointee.context
        linger(record, stream)
        handler.closed(stream, context: context, reason: reason, now: now)
    }

    /// The stream ends in the course of a call of the handler: it hears of it when that call is over.
    func failLater(_ record: UnsafeMutablePointer<StreamRecord>, _ stream: StreamID, _ reason: CloseReason) {
        if !record.pointee.flags.contains(.lingering) { report(record, stream, reason) }
        release(record, stream)
    }

    func reportLocalCloses(_ handler: any StreamHandler) {
        while !state.pointee.localCloses.isEmpty {
            var closes: [LocalClose] = []
            swap(&closes, &state.pointee.localCloses)
            for close in closes {
                handler.closed(close.stream, context: close.context, reason: close.reason, now: now)
            }
            guard state.pointee.localCloses.isEmpty else { continue }
            // Nothing new: give the memory back for reuse.
            closes.removeAll(keepingCapacity: true)
            state.pointee.localCloses = closes
            return
        }
    }

    private func report(
        _ record: UnsafeMutablePointer<StreamRecord>, _ stream: StreamID, _ reason: CloseReason
    ) {
        state.pointee.localCloses.append(
            LocalClose(stream: stream, context: record.pointee.context, reason: reason))
    }

    func release(_ record: UnsafeMutablePointer<StreamRecord>, _ stream: StreamID) {
        if record.pointee.flags.contains(.lingering) {
            lingeringCount -= 1
            timers.cancel(TimerID(rawValue: record.pointee.lingerTimer))
        }
        // Closing takes the descriptor out of epoll: it has no duplicate.
        _ = Glibc.close(record.pointee.descriptor)
        record.pointee.filter?.release()
        state.pointee.streams.release(stream)
    }

    // MARK: Lingering

    private func linger(_ record: UnsafeMutablePointer<StreamRecord>, _ stream: StreamID) {
        if let held = record.pointee.filter, record.pointee.writeError == 0 {
            let filter = held.takeUnretainedValue()
            filter.finish(wire: &wireSink)
            sendWire(record, stream, filter)
        }
        guard record.pointee.writeError == 0, lingeringCount < lingeringLimit else { return release(record, stream) }
        let hidden = state.pointee.streams.renew(stream)
        record.pointee.flags = [.live, .lingering]
        lingeringCount += 1
        let timer = timers.schedule(
            at: now &+ Self.lingerNanoseconds, kind: LoopTimer.lingerEnds.rawValue, payload: hidden.rawValue)
        record.pointee.lingerTimer = timer.rawValue
        let isFlushed = record.pointee.filter.map { $0.takeUnretainedValue().unsent.count == 0 } ?? true
        if isFlushed, let filter = record.pointee.filter {
            // Nothing goes through it any more, and TLS state is large.
            record.pointee.filter = nil
            filter.release()
        }
        reregister(record, hidden, isFlushed ? 0 : Epoll.writable)
        if isFlushed { shutDownSending(record, hidden) }
    }

    /// Registers a stream anew because its token changed.
    private func reregister(_ record: UnsafeMutablePointer<StreamRecord>, _ stream: StreamID, _ more: UInt32) {
        let interest = Epoll.readable | Epoll.peerHungUp | more
        if record.pointee.interest == 0 {
            setInterest(record, stream, interest)
        } else {
            record.pointee.interest = interest
            epoll.modify(record.pointee.descriptor, interest, token: stream.rawValue)
        }
    }

    func shutDownSending(_ record: UnsafeMutablePointer<StreamRecord>, _ stream: StreamID) {
        guard state.pointee.streams.find(stream) != nil, !record.pointee.flags.contains(.shutDown) else { return }
        record.pointee.flags.insert(.shutDown)
        guard shutdown(record.pointee.descriptor, Int32(SHUT_WR)) == 0, record.pointee.writeError == 0 else {
            return release(record, stream)
        }
        setInterest(record, stream, record.pointee.interest & ~Epoll.writable)
    }

    /// Reads on and drops it: a socket closed with bytes unread would reset the connection under our last words.
    func discard(_ record: UnsafeMutablePointer<StreamRecord>, _ stream: StreamID) {
        let count = recv(record.pointee.descriptor, receiveBuffer.baseAddress, receiveBuffer.count, 0)
        if count > 0 { return }
        if count < 0, errno == EAGAIN || errno == EINTR { return }
        release(record, stream)
    }

    func lingerExpired(_ stream: StreamID) {
        guard let record = state.pointee.streams.find(stream) else { return }
        release(record, stream)
    }

    // MARK: The end of the loop

    /// Closes what is open, tells the handler, and gives gracefully closed streams what is left of their time.
    func windDown(_ handler: any StreamHandler) {
        for index in listeners.indices { removeListener(at: index) }
        for case let source? in sources { remove(source) }
        repeat {
            for index in 0..<state.pointee.streams.indexBound {
                let record = state.pointee.streams[index]
                guard record.pointee.flags.contains(.live), !record.pointee.flags.contains(.lingering) else { continue }
                close(StreamID(index: index, generation: record.pointee.generation), .abort)
            }
            // The handler may adopt a stream that was under way to this loop.
            settle(handler)
        } while streamCount > 0
        while lingeringCount > 0, let deadline = timers.nextDeadline {
            let left = max(0, deadline &- MonotonicClock.now)
            let count = epoll.wait(milliseconds: Int32(truncatingIfNeeded: min(left / 1_000_000 + 1, 1000)))
            state.pointee.now = MonotonicClock.now
            for position in 0..<count {
                let event = epoll.event(at: position)
                guard Token.isStream(event.token) else { continue }
                streamEvent(StreamID(rawValue: event.token), event.events, handler)
            }
            timers.advance(to: now) { kind, payload, _ in
                if kind == LoopTimer.lingerEnds.rawValue { lingerExpired(StreamID(rawValue: payload)) }
            }
        }
    }
}
