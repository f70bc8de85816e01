public import StoreFormat

/// What a shard asks of the loop that drives it. All calls come on the shard's thread, from inside a call into the
/// shard, except `wake`. The simulation implements it without sockets.
///
/// After `close` or `move` the shard has forgotten the connection: the transport must not report it again.
public protocol ShardTransport: AnyObject {
    /// Writes what it can of `bytes`; returns the number taken, fewer when the socket is full (then
    /// ``Shard/writable(_:)`` follows), or -1 when the connection is broken (then ``Shard/closed(_:now:)`` follows).
    func write(_ transport: UInt64, _ bytes: UnsafeRawBufferPointer) -> Int
    /// Ends the connection. Graceful: what was written reaches the peer first.
    func close(_ transport: UInt64, graceful: Bool)
    /// Stops reading from the socket; a hang-up is still noticed.
    func pauseReading(_ transport: UInt64)
    /// Reads again.
    func resumeReading(_ transport: UInt64)
    /// Takes the connection off this loop and hands it to the loop of shard `target`, which calls
    /// ``Shard/adopt(_:transport:now:)`` with the transfer.
    func move(_ transport: UInt64, to target: Int, _ transfer: ConnectionTransfer)
    /// Makes the loop of shard `target` call ``Shard/processInbox(now:)`` soon. [any thread]
    func wake(shard target: Int)
    /// Durable rows of this turn. ``Shard/stored(upTo:succeeded:now:)`` answers with the ticket.
    ///
    /// The rows of one ticket are committed together, and the tickets of all shards in the order of these calls: what
    /// one shard hands to another, it has handed to the store before. Once a ticket fails, so does every one after it,
    /// of any shard, until what all shards get from ``Shard/retryRows(now:)`` is committed, in one piece.
    func persist(_ rows: [StoreRow], ticket: UInt64)
    /// Reads messages of a session's queue from the store, which may not have committed them yet;
    /// ``Shard/loaded(_:for:now:)`` answers.
    func load(_ messages: [UInt64], for session: UInt64)
    /// Something a log or a notification may want to hear of.
    func event(_ event: BrokerEvent)
}
