internal import CSystem
import Glibc
internal import Timing

/// A listening socket as one loop sees it.
struct ListenerRegistration {
    let socket: ListenerSocket
    let tag: Int
    var resumeTimer = TimerID.none
}

extension EventLoop {
    /// Connections accepted in one turn at most; the rest is for the other loops, or for the next turn.
    private static let acceptLimit = 64
    private static let acceptPauseNanoseconds: Int64 = 250_000_000

    /// Accepts on `listener` from now on; `tag` comes back with every connection. The same socket is added to every
    /// loop: for each connection the kernel wakes one of them.
    public func add(_ listener: ListenerSocket, tag: Int) throws(SystemError) {
        assertOnLoop()
        let position = listeners.firstIndex { $0 == nil } ?? listeners.count
        let code = register(listener, at: position)
        guard code == 0 else { throw SystemError(code: code, call: "epoll_ctl") }
        let registration = ListenerRegistration(socket: listener, tag: tag)
        if position == listeners.count { listeners.append(registration) } else { listeners[position] = registration }
    }

    /// Accepts no more on `listener`; its open streams stay.
    public func remove(_ listener: ListenerSocket) {
        assertOnLoop()
        for position in listeners.indices where listeners[position]?.socket === listener {
            removeListener(at: position)
        }
    }

    func removeListener(at position: Int) {
        guard let registration = listeners[position] else { return }
        epoll.remove(registration.socket.descriptor)
        timers.cancel(registration.resumeTimer)
        listeners[position] = nil
    }

    private func register(_ listener: ListenerSocket, at position: Int) -> Int32 {
        epoll.add(listener.descriptor, Epoll.readable | Epoll.exclusive, token: Token.listener(position))
    }

    func acceptWaiting(_ position: Int, _ handler: any StreamHandler) {
        for _ in 0..<Self.acceptLimit {
            // Looked up every time: the handler may remove the listener in `opened`.
            guard listeners.indices.contains(position), let registration = listeners[position] else { return }
            var address = sockaddr_storage()
            var length = UInt32(MemoryLayout<sockaddr_storage>.size)
            let descriptor = withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    csystem_accept(registration.socket.descriptor, $0, &length)
                }
            }
            if descriptor >= 0 {
                let peer = withUnsafeBytes(of: &address) { bytes in
                    bytes.baseAddress.map(UnsafeSocketAddress.read) ?? .unix
                }
                open(descriptor, registration, peer, handler)
                continue
            }
            switch errno {
            case EAGAIN: return
            case EMFILE, ENFILE, ENOBUFS, ENOMEM, EBADF, EINVAL, ENOTSOCK, EFAULT:
                return pauseAccepting(position, SystemError.last("accept4"), handler)
            default:
                // The connection broke before it was accepted (ECONNABORTED, network errors), a signal came, or a
                // firewall refused it: the next one may be well.
                continue
            }
        }
    }

    private func open(
        _ descriptor: Int32, _ registration: ListenerRegistration, _ peer: SocketAddress,
        _ handler: any StreamHandler
    ) {
        let stream = state.pointee.streams.take()
        guard let record = state.pointee.streams.find(stream) else { return }
        record.pointee.descriptor = descriptor
        let filter = registration.socket.makeFilter?(peer)
        record.pointee.filter = filter.map(Unmanaged.passRetained)
        let interest = Epoll.readable | Epoll.peerHungUp
        guard epoll.add(descriptor, interest, token: stream.rawValue) == 0 else { return release(record, stream) }
        record.pointee.interest = interest
        if let filter, handler.hasPreSharedKeys { filter.accept(keys(of: stream, handler)) }
        // The layer's first words come before anything the handler writes.
        if let filter { beginFilter(record, stream, filter) }
        let context = handler.opened(stream, listener: registration.tag, peer: peer, now: now)
        setContext(stream, context)
    }

    /// Kept by a filter until its handshake is over, which happens on this loop or never.
    private func keys(of stream: StreamID, _ handler: any StreamHandler) -> PreSharedKeys {
        { [unowned self, unowned handler] identity in
            guard let record = state.pointee.streams.find(stream) else { return nil }
            return handler.preSharedKey(stream, context: record.pointee.context, identity: identity, now: now)
        }
    }

    /// The kernel reports a connection again and again until it is accepted; without descriptors the loop would spin.
    private func pauseAccepting(_ position: Int, _ error: SystemError, _ handler: any StreamHandler) {
        guard let registration = listeners[position] else { return }
        epoll.remove(registration.socket.descriptor)
        let resumesAt = now &+ Self.acceptPauseNanoseconds
        listeners[position]?.resumeTimer = timers.schedule(
            at: resumesAt, kind: LoopTimer.acceptResumes.rawValue, payload: UInt64(position))
        handler.acceptPaused(listener: registration.tag, error: error, resumesAt: resumesAt)
    }

    func resumeAccepting(_ position: Int) {
        guard listeners.indices.contains(position), let registration = listeners[position] else { return }
        listeners[position]?.resumeTimer = .none
        guard register(registration.socket, at: position) != 0 else { return }
        // The kernel is short of memory: try again.
        listeners[position]?.resumeTimer = timers.schedule(
            at: now &+ Self.acceptPauseNanoseconds, kind: LoopTimer.acceptResumes.rawValue,
            payload: UInt64(position))
    }
}
