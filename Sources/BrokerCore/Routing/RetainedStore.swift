/// The retained messages of the whole broker, callable on any thread. Order: a retained PUBLISH updates the store
/// before it is handed out; a SUBSCRIBE enters the tree before it reads the store.
final class RetainedStore: Sendable {
    enum Outcome: Equatable { case stored, replaced, refusedMessages, refusedBytes }

    init(hash: TopicHash, maximumMessages: Int, maximumBytes: Int) {}

    var count: Int { preconditionFailure("not there yet") }
    var bytes: Int { preconditionFailure("not there yet") }

    /// Stores the message of a topic, replacing an older one [MQTT-3.3.1-5]. At a bound the old message stays.
    func set(_ message: RetainedMessage) -> Outcome { preconditionFailure("not there yet") }
    /// Clears a topic [MQTT-3.3.1-6]. Returns whether there was a message.
    @discardableResult
    func clear(_ topic: UnsafeRawBufferPointer) -> Bool { preconditionFailure("not there yet") }
    func get(_ topic: UnsafeRawBufferPointer, now: Int64) -> RetainedMessage? { preconditionFailure("not there yet") }

    /// A walk over the messages that match a filter (without `$share/` prefix).
    func cursor(_ filter: UnsafeRawBufferPointer) -> RetainedCursor { preconditionFailure("not there yet") }
    /// Frees expired messages, a bounded piece of the store per call.
    func removeExpired(now: Int64, maximumSteps: Int) -> Int { preconditionFailure("not there yet") }
}

/// A resumable walk: what is in the store from start to end is seen exactly once, what changes meanwhile may be.
final class RetainedCursor {
    /// Appends up to `maximum` messages; bounded work per call. Returns true when the walk is over.
    func next(into messages: inout [RetainedMessage], maximum: Int, now: Int64) -> Bool {
        preconditionFailure("not there yet")
    }
}
