// HOT PATH: one recv per readable stream and turn, into the loop's one buffer; no epoll_ctl while a stream is steady.

import Glibc

extension EventLoop {
    /// Stops delivering bytes of a stream; what the peer sends stays in the kernel, which slows the peer down. Costs
    /// nothing when the peer is silent meanwhile. A hang-up is still noticed (`hungUp`).
    public func pauseReading(_ stream: StreamID) {
        assertOnLoop()
        state.pointee.streams.find(stream)?.pointee.flags.insert(.paused)
    }

    /// Delivers bytes again, from the next turn on.
    public func resumeReading(_ stream: StreamID) {
        assertOnLoop()
        guard let record = state.pointee.streams.find(stream), record.pointee.flags.contains(.paused) else { return }
        record.pointee.flags.remove(.paused)
        setInterest(record, stream, record.pointee.interest | Epoll.readable | Epoll.peerHungUp)
    }

    @inline(__always)
    func streamEvent(_ stream: StreamID, _ events: UInt32, _ handler: any StreamHandler) {
        // An earlier event of this turn may have closed the stream: then the id is stale.
        guard let record = state.pointee.streams.find(stream) else { return }
        if events & Epoll.writable != 0 {
            becameWritable(record, stream, handler)
            guard record.pointee.generation == stream.generation else { return }
        }
        guard events & ~Epoll.writable != 0 else { return }
        if record.pointee.flags.isDisjoint(with: [.paused, .lingering]) {
            read(record, stream, handler)
        } else if record.pointee.flags.contains(.lingering) {
            discard(record, stream)
        } else {
            eventWhilePaused(record, stream, events, handler)
        }
    }

    @inline(__always)
    private func read(
        _ record: UnsafeMutablePointer<StreamRecord>, _ stream: StreamID, _ handler: any StreamHandler
    ) {
        let count = recv(record.pointee.descriptor, receiveBuffer.baseAddress, receiveBuffer.count, 0)
        guard count > 0 else { return readFailed(record, stream, count, handler) }
        let bytes = UnsafeRawBufferPointer(start: receiveBuffer.baseAddress, count: count)
        if record.pointee.filter == nil {
            handler.received(stream, context: record.pointee.context, bytes: bytes, now: now)
        } else {
            receiveFiltered(record, stream, bytes, handler)
        }
    }

    private func readFailed(
        _ record: UnsafeMutablePointer<StreamRecord>, _ stream: StreamID, _ count: Int, _ handler: any StreamHandler
    ) {
        let code = count == 0 ? 0 : errno
        switch code {
        case EAGAIN, EINTR: break
        case 0 where record.pointee.writeError == 0: end(record, stream, .peerClosed, handler)
        case 0: end(record, stream, Self.reason(of: record.pointee.writeError), handler)
        default: end(record, stream, Self.reason(of: code), handler)
        }
    }

    static func reason(of code: Int32) -> CloseReason {
        code == ECONNRESET || code == EPIPE ? .reset : .error(code)
    }

    /// Reading was paused without telling epoll, in the hope that nothing comes meanwhile; now something came.
    private func eventWhilePaused(
        _ record: UnsafeMutablePointer<StreamRecord>, _ stream: StreamID, _ events: UInt32,
        _ handler: any StreamHandler
    ) {
        let isHangUp = events & (Epoll.peerHungUp | Epoll.broken) != 0
        if events & Epoll.broken != 0 {
            // These two cannot be masked: without leaving epoll they would make the loop spin.
            setInterest(record, stream, 0)
        } else {
            let masked = isHangUp ? Epoll.readable | Epoll.peerHungUp : Epoll.readable
            setInterest(record, stream, record.pointee.interest & ~masked)
        }
        guard isHangUp, !record.pointee.flags.contains(.hungUp) else { return }
        record.pointee.flags.insert(.hungUp)
        handler.hungUp(stream, context: record.pointee.context, now: now)
    }

    /// Brings epoll in line with what the stream waits for; no system call when it is already.
    func setInterest(_ record: UnsafeMutablePointer<StreamRecord>, _ stream: StreamID, _ interest: UInt32) {
        let before = record.pointee.interest
        guard before != interest else { return }
        record.pointee.interest = interest
        if interest == 0 {
            epoll.remove(record.pointee.descriptor)
        } else if before == 0 {
            let code = epoll.add(record.pointee.descriptor, interest, token: stream.rawValue)
            if code != 0 { failLater(record, stream, .error(code)) }
        } else {
            epoll.modify(record.pointee.descriptor, interest, token: stream.rawValue)
        }
    }
}
