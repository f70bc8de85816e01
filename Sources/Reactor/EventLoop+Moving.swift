internal import CSystem
import Glibc

extension EventLoop {
    /// Takes a stream out of this loop, without `closed`: descriptor, filter, and whether it is paused or full. Bytes
    /// the handler was given are the handler's to carry along. Nil for a stale id.
    public func detach(_ stream: StreamID) -> DetachedStream? {
        assertOnLoop()
        guard let record = state.pointee.streams.find(stream) else { return nil }
        if record.pointee.interest != 0 { epoll.remove(record.pointee.descriptor) }
        let detached = DetachedStream(of: record.pointee)
        state.pointee.streams.release(stream)
        return detached
    }

    /// Takes a detached stream into this loop. Its events begin with the next turn; when it was full, `writable`
    /// comes as soon as it is not. When the kernel refuses the stream, `closed` comes in this turn.
    ///
    /// A detached stream is adopted once.
    public func adopt(_ detached: DetachedStream, context: UInt64) -> StreamID {
        let stream = takeRecord(of: detached, context: context)
        wakeIfIdle()
        return stream
    }

    /// Takes a connected stream socket that was not accepted by a loop, such as one end of a socket pair. The loop
    /// owns the descriptor from now on and makes it non-blocking.
    public func adopt(descriptor: Int32, context: UInt64, filter: StreamFilter? = nil) -> StreamID {
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        let held = filter.map(Unmanaged.passRetained)
        let stream = takeRecord(
            of: DetachedStream(of: StreamRecord(filter: held, descriptor: descriptor)), context: context)
        if let filter, let record = state.pointee.streams.find(stream) { beginFilter(record, stream, filter) }
        wakeIfIdle()
        return stream
    }

    /// Who is at the other end of a Unix socket; nil for another stream or a stale id.
    public func credentials(of stream: StreamID) -> PeerCredentials? {
        assertOnLoop()
        guard let record = state.pointee.streams.find(stream) else { return nil }
        var credentials = PeerCredentials(processID: 0, userID: 0, groupID: 0)
        let result = csystem_peer_credentials(
            record.pointee.descriptor, &credentials.processID, &credentials.userID, &credentials.groupID)
        return result == 0 && credentials.processID > 0 ? credentials : nil
    }

    private func takeRecord(of detached: DetachedStream, context: UInt64) -> StreamID {
        assertOnLoop()
        precondition(detached.descriptor >= 0, "a detached stream is adopted once")
        let stream = state.pointee.streams.take()
        guard let record = state.pointee.streams.find(stream) else { return stream }
        record.pointee.context = context
        record.pointee.descriptor = detached.descriptor
        record.pointee.filter = detached.filter
        record.pointee.writeError = detached.writeError
        record.pointee.flags = detached.flags.union(.live)
        detached.descriptor = -1
        detached.filter = nil
        let isPaused = record.pointee.flags.contains(.paused)
        let waitsForSocket = record.pointee.flags.contains(.blocked) && record.pointee.writeError == 0
        var interest: UInt32 = 0
        if !isPaused { interest |= Epoll.readable }
        if !record.pointee.flags.contains(.hungUp) || !isPaused { interest |= Epoll.peerHungUp }
        if waitsForSocket { interest |= Epoll.writable }
        setInterest(record, stream, interest)
        return stream
    }

    /// Outside of a turn a failure to register would wait for the next event; a turn is run to report it.
    private func wakeIfIdle() {
        if !state.pointee.localCloses.isEmpty { wakeup.notify() }
    }
}

/// The process at the other end of a Unix socket, as of the time it connected.
public struct PeerCredentials: Hashable, Sendable {
    /// Process id.
    public var processID: Int32
    /// Effective user id.
    public var userID: UInt32
    /// Effective group id.
    public var groupID: UInt32
}
