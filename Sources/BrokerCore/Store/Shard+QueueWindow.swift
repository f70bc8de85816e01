public import StoreFormat

/// Queues larger than memory: their front is here, the rest in the store.
extension Shard {
    /// Messages that are read at a time.
    private static var messagesPerLoad: Int { 256 }

    /// A queue that empties faster than the store commits what that changes goes on when the store has caught up: the
    /// changes that wait for it are bounded.
    @inline(__always)
    func waitsForStore(_ session: SessionRef) -> Bool {
        guard state.pointee.isStoreBehind, session.pointee.isDurable, session.pointee.queue.count > 0 else {
            return false
        }
        storeWaiters.insert(session.pointee.id)
        return true
    }

    /// The store has caught up: queues go on.
    func resumeQueues() {
        guard !storeWaiters.isEmpty else { return }
        let waiters = storeWaiters
        storeWaiters = []
        for id in waiters.sorted() { if let session = findSession(id: id) { pump(session) } }
    }

    /// Reads the next messages of the queue when few are left in memory.
    func loadQueue(_ session: SessionRef) {
        guard !session.pointee.flags.contains(.loading),
            session.pointee.queue.loadedCount < min(Self.messagesPerLoad, settings.queueWindow)
        else { return }
        session.pointee.flags.insert(.loading)
        transport.load(session.pointee.queue.nextStored(Self.messagesPerLoad), for: session.pointee.id)
    }

    /// The store's answer to ``ShardTransport/load(_:for:)``: the messages in the order in which they were asked for;
    /// nil: it has none, which is damage that it has reported.
    public func loaded(_ messages: [(id: UInt64, message: StoredMessage?)], for session: UInt64, now: Int64) {
        state.pointee.now = now
        guard let session = findSession(id: session) else { return }
        session.pointee.flags.remove(.loading)
        for (id, stored) in messages {
            // One that cannot be read expires unread: it leaves the queue by the same way as others.
            let message = stored ?? StoredMessage(topic: [0x3f], payload: [], qos: 1, expiresAt: 1)
            let block = message.withMessage { MessageRef.make($0, id: id) }
            block.pointee.storeID = id
            guard session.pointee.queue.load(block, storeID: id) else {
                block.release()
                break
            }
        }
        pump(session)
    }
}
