import Glibc

/// The way of bytes through a `StreamFilter`. Plain streams never come here.
extension EventLoop {
    private static let encodeLimitBytes = 64 * 1024
    private static let scratchKeptBytes = 1024 * 1024

    /// The filter of an open stream, nil for a plain one; so that TLS can be asked for a certificate.
    public func filter(of stream: StreamID) -> StreamFilter? {
        assertOnLoop()
        return state.pointee.streams.find(stream)?.pointee.filter?.takeUnretainedValue()
    }

    func acceptsPlain(_ record: UnsafeMutablePointer<StreamRecord>) -> Bool {
        record.pointee.filter?.takeUnretainedValue().acceptsPlain ?? true
    }

    func beginFilter(_ record: UnsafeMutablePointer<StreamRecord>, _ stream: StreamID, _ filter: StreamFilter) {
        filter.begin(wire: &wireSink)
        sendWire(record, stream, filter)
    }

    func receiveFiltered(
        _ record: UnsafeMutablePointer<StreamRecord>, _ stream: StreamID, _ bytes: UnsafeRawBufferPointer,
        _ handler: any StreamHandler
    ) {
        guard let filter = record.pointee.filter?.takeUnretainedValue() else { return }
        plainSink.removeAll(keepingAtMost: Self.scratchKeptBytes)
        filter.isBacklogged = filter.unsent.count > 0
        let status = filter.decode(bytes, plain: &plainSink, wire: &wireSink)
        sendWire(record, stream, filter)
        if let peer = filter.discovery {
            filter.discovery = nil
            handler.identified(stream, context: record.pointee.context, as: peer, now: now)
            guard record.pointee.generation == stream.generation else { return }
        }
        // The handler may write to filtered streams while it reads from the sink: writing uses the other one.
        let plain = plainSink.bytes
        if plain.count > 0 {
            handler.received(stream, context: record.pointee.context, bytes: plain, now: now)
            guard record.pointee.generation == stream.generation else { return }
        }
        switch status {
        case .open: break
        case .ended: return end(record, stream, .peerClosed, handler)
        case .failed(let code): return endWithLastWords(record, stream, .filter(code), handler)
        }
        let waits = record.pointee.flags.contains(.blocked) && record.pointee.writeError == 0
        guard waits, filter.unsent.count == 0, filter.acceptsPlain else { return }
        record.pointee.flags.remove(.blocked)
        handler.writable(stream, context: record.pointee.context, now: now)
    }

    func writeFiltered(
        _ record: UnsafeMutablePointer<StreamRecord>, _ stream: StreamID, _ bytes: UnsafeRawBufferPointer
    ) -> WriteResult {
        guard let filter = record.pointee.filter?.takeUnretainedValue() else { return .closed }
        var written = 0
        while written < bytes.count, !record.pointee.flags.contains(.blocked) {
            guard filter.acceptsPlain else {
                // No event of the socket ends this wait: `receiveFiltered` does when the handshake is done.
                record.pointee.flags.insert(.blocked)
                break
            }
            let piece = min(bytes.count - written, Self.encodeLimitBytes)
            filter.encode(UnsafeRawBufferPointer(rebasing: bytes[written..<written + piece]), wire: &wireSink)
            written += piece
            sendWire(record, stream, filter)
            if record.pointee.writeError != 0 { return .closed }
            // All was taken but the socket is full: no `writable` is owed, the next write finds the stream blocked.
        }
        return record.pointee.writeError == 0 ? .wrote(written) : .closed
    }

    func writeFiltered(
        _ record: UnsafeMutablePointer<StreamRecord>, _ stream: StreamID, _ pieces: UnsafeBufferPointer<iovec>
    ) -> WriteResult {
        var written = 0
        for piece in pieces {
            let bytes = UnsafeRawBufferPointer(start: piece.iov_base, count: Int(piece.iov_len))
            guard case .wrote(let count) = writeFiltered(record, stream, bytes) else { return .closed }
            written += count
            if count < bytes.count { break }
        }
        return .wrote(written)
    }

    /// Sends the wire sink and empties it; what the socket does not take stays with the filter.
    func sendWire(_ record: UnsafeMutablePointer<StreamRecord>, _ stream: StreamID, _ filter: StreamFilter) {
        defer { wireSink.removeAll(keepingAtMost: Self.scratchKeptBytes) }
        let wire = wireSink.bytes
        guard wire.count > 0, record.pointee.writeError == 0 else { return }
        guard filter.unsent.count == 0 else { return filter.unsent.append(wire) }
        let sent = send(record.pointee.descriptor, wire.baseAddress, wire.count, Self.sendFlags)
        if sent == wire.count { return }
        let code = sent < 0 ? errno : 0
        guard code == 0 || code == EAGAIN || code == EINTR || code == ENOBUFS else {
            return writeFailed(record, stream, code)
        }
        filter.unsent.append(UnsafeRawBufferPointer(rebasing: wire[max(0, sent)...]))
        record.pointee.flags.insert(.blocked)
        setInterest(record, stream, record.pointee.interest | Epoll.writable)
    }

    /// Sends on what the filter kept; answers whether nothing is left.
    func flushUnsent(
        _ record: UnsafeMutablePointer<StreamRecord>, _ stream: StreamID, _ held: Unmanaged<StreamFilter>
    ) -> Bool {
        let filter = held.takeUnretainedValue()
        guard filter.unsent.count > 0, record.pointee.writeError == 0 else { return true }
        let wire = filter.unsent.bytes
        let sent = send(record.pointee.descriptor, wire.baseAddress, wire.count, Self.sendFlags)
        let code = sent < 0 ? errno : 0
        guard code == 0 || code == EAGAIN || code == EINTR || code == ENOBUFS else {
            writeFailed(record, stream, code)
            return true
        }
        filter.unsent.removeFirst(max(0, sent))
        guard filter.unsent.count == 0 else { return false }
        filter.unsent.destroy()
        return true
    }
}
