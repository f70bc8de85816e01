// HOT PATH: one send per write; epoll_ctl only when a socket becomes full and once more after it was drained.

public import Glibc

extension EventLoop {
    /// Writes what the socket takes now. The caller keeps the rest and writes on in `writable`; until then further
    /// writes take nothing.
    public func write(_ stream: StreamID, _ bytes: UnsafeRawBufferPointer) -> WriteResult {
        assertOnLoop()
        guard let record = state.pointee.streams.find(stream) else { return .closed }
        guard record.pointee.filter == nil else { return writeFiltered(record, stream, bytes) }
        guard bytes.count > 0, !record.pointee.flags.contains(.blocked) else { return .wrote(0) }
        let sent = send(record.pointee.descriptor, bytes.baseAddress, bytes.count, Self.sendFlags)
        if sent == bytes.count { return .wrote(sent) }
        return shortWrite(record, stream, sent)
    }

    /// Writes several pieces with one system call, 1,024 at most; as `write` otherwise.
    public func write(_ stream: StreamID, pieces: UnsafeBufferPointer<iovec>) -> WriteResult {
        assertOnLoop()
        guard let record = state.pointee.streams.find(stream) else { return .closed }
        guard record.pointee.filter == nil else { return writeFiltered(record, stream, pieces) }
        guard !record.pointee.flags.contains(.blocked) else { return .wrote(0) }
        let pieces = UnsafeBufferPointer(rebasing: pieces.prefix(1024))
        let count = pieces.reduce(0) { $0 &+ Int($1.iov_len) }
        guard count > 0 else { return .wrote(0) }
        var message = msghdr()
        message.msg_iov = UnsafeMutablePointer(mutating: pieces.baseAddress)
        message.msg_iovlen = pieces.count
        let sent = sendmsg(record.pointee.descriptor, &message, Self.sendFlags)
        if sent == count { return .wrote(sent) }
        return shortWrite(record, stream, sent)
    }

    static let sendFlags = Int32(MSG_NOSIGNAL)

    private func shortWrite(
        _ record: UnsafeMutablePointer<StreamRecord>, _ stream: StreamID, _ sent: Int
    ) -> WriteResult {
        let code = sent < 0 ? errno : 0
        guard code == 0 || code == EAGAIN || code == EINTR || code == ENOBUFS else {
            writeFailed(record, stream, code)
            return .closed
        }
        record.pointee.flags.insert(.blocked)
        setInterest(record, stream, record.pointee.interest | Epoll.writable)
        return .wrote(max(0, sent))
    }

    /// The peer is gone for writing, but what it sent before may still be read. Shutting down makes sure that the read
    /// side comes to its end whatever the error was.
    func writeFailed(_ record: UnsafeMutablePointer<StreamRecord>, _ stream: StreamID, _ code: Int32) {
        if record.pointee.writeError == 0 { record.pointee.writeError = code }
        record.pointee.flags.insert(.blocked)
        _ = shutdown(record.pointee.descriptor, Int32(SHUT_RDWR))
        setInterest(record, stream, record.pointee.interest & ~Epoll.writable)
    }

    func becameWritable(
        _ record: UnsafeMutablePointer<StreamRecord>, _ stream: StreamID, _ handler: any StreamHandler
    ) {
        if let filter = record.pointee.filter, !flushUnsent(record, stream, filter) { return }
        if record.pointee.flags.contains(.lingering) { return shutDownSending(record, stream) }
        let waits = record.pointee.flags.contains(.blocked) && record.pointee.writeError == 0
        guard waits, acceptsPlain(record) else {
            // Nobody waits, or not for the socket: this is the one event after the last of the backlog was taken.
            setInterest(record, stream, record.pointee.interest & ~Epoll.writable)
            return
        }
        record.pointee.flags.remove(.blocked)
        handler.writable(stream, context: record.pointee.context, now: now)
    }
}
