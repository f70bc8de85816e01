internal import PluginABI
internal import Synchronization

/// The retained messages.
extension PluginHost {
    /// Calls `body` with every retained message whose topic matches the filter, on a worker thread, and then `done`
    /// with their number; what is in the store all the while comes exactly once.
    /// - Returns: false when the filter is none, or the service is not granted: then nothing is called.
    @discardableResult
    public func retained(
        matching filter: String, _ body: @escaping @Sendable (borrowing Message) -> Void,
        done: @escaping @Sendable (Int) -> Void
    ) -> Bool {
        ask(RetainedBox(host: self, body: body, done: done)) { user in
            withView(filter) { raw.pointee.retained?.pointee.match?(raw, $0, RetainedBox.run, user) }
        }
    }

    /// Publishes an empty retained message: through the hooks, to subscribers, out of the store.
    @discardableResult
    public func clearRetained(_ topic: String) -> Bool {
        withView(topic) { raw.pointee.retained?.pointee.clear?(raw, $0) == HL_OK }
    }

    /// Messages in the store now, and the bytes they take.
    public var retainedUsage: (messages: Int, bytes: Int) {
        let table = raw.pointee.retained?.pointee
        return (Int(clamping: table?.count?(raw) ?? 0), Int(clamping: table?.bytes?(raw) ?? 0))
    }
}

private final class RetainedBox: Sendable {
    private let host: PluginHost
    private let body: @Sendable (borrowing Message) -> Void
    private let done: @Sendable (Int) -> Void
    /// Batches come one after the other.
    private let count = Atomic(0)

    init(
        host: PluginHost, body: @escaping @Sendable (borrowing Message) -> Void,
        done: @escaping @Sendable (Int) -> Void
    ) {
        self.host = host
        self.body = body
        self.done = done
    }

    static let run: hl_batch_fn = { _, user, batch in
        guard let box = Callback<RetainedBox>.of(user)?.body, let batch = batch?.pointee else { return }
        for index in 0..<Int(batch.count) {
            let place = UnsafeRawPointer(batch.msgs) + index * Int(batch.stride)
            box.body(Message(place.assumingMemoryBound(to: hl_msg.self)))
        }
        box.count.add(Int(batch.count), ordering: .relaxed)
        guard batch.flags & HL_BATCH_LAST != 0 else { return }
        box.done(box.count.load(ordering: .relaxed))
        box.host.callbacks.remove(user)
    }
}
