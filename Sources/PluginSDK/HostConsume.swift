internal import PluginABI

/// How a consumer is bounded, and what it gets.
public struct ConsumerOptions: Sendable {
    /// What happens to a message that finds the queue full; each loss is counted.
    public enum Overflow: UInt32, Sendable {
        case dropNewest = 0
        case dropOldest = 1
    }

    /// First the retained messages that match.
    public var retainedFirst = false
    /// Also what this instance published.
    public var ownPublishes = false
    /// What happens at the bounds.
    public var overflow = Overflow.dropNewest
    /// Most messages that wait; nil = 8,192.
    public var queueLimit: Int?
    /// Most bytes that wait; nil = 64 MiB.
    public var queueBytes: Int?

    /// The defaults.
    public init() {}
}

/// A subscriber inside the broker, see `PluginHost.consume`.
public struct Consumer: Sendable {
    let id: UInt64
    let user: UInt
}

extension PluginHost {
    /// What a consumer is called with, and whether the message comes from the retained store.
    public typealias ConsumerBody = @Sendable (_ message: borrowing Message, _ isRetained: Bool) -> Void

    /// Calls `body` with every accepted message whose topic matches one of the filters: on a worker thread, in order,
    /// never twice at the same time, until `close`.
    /// - Returns: `nil` when a filter is none, there are too many consumers, or the service is not granted.
    public func consume(
        _ filters: [String], _ options: ConsumerOptions = ConsumerOptions(), _ body: @escaping ConsumerBody
    ) -> Consumer? {
        guard let open = raw.pointee.consume?.pointee.open else { return nil }
        let user = callbacks.add(ConsumerBox(body: body))
        var id: hl_consumer = 0
        let status = withViews(filters) { filters in
            var raw = hl_consumer_options()
            raw.struct_size = UInt32(MemoryLayout<hl_consumer_options>.size)
            raw.flags =
                (options.retainedFirst ? HL_CONSUME_RETAINED : 0)
                | (options.ownPublishes ? HL_CONSUME_OWN_PUBLISHES : 0)
            (raw.filters, raw.filter_count) = (filters.baseAddress, UInt32(filters.count))
            raw.overflow = options.overflow.rawValue
            raw.queue_limit = UInt32(clamping: options.queueLimit ?? 0)
            raw.queue_bytes = UInt64(clamping: options.queueBytes ?? 0)
            return open(self.raw, &raw, ConsumerBox.run, user, &id)
        }
        guard status == HL_OK else {
            callbacks.remove(user)
            return nil
        }
        return Consumer(id: id, user: UInt(bitPattern: user))
    }

    /// Ends a consumer: its body does not begin any more, but may still be running.
    public func close(_ consumer: Consumer) {
        _ = raw.pointee.consume?.pointee.close?(raw, consumer.id)
    }

    /// Messages a consumer has lost because its queue was full.
    public func lostMessages(of consumer: Consumer) -> Int {
        var stats = hl_consumer_stats()
        stats.struct_size = UInt32(MemoryLayout<hl_consumer_stats>.size)
        _ = raw.pointee.consume?.pointee.stats?(raw, consumer.id, &stats)
        return Int(clamping: stats.lost)
    }
}

private struct ConsumerBox: Sendable {
    let body: PluginHost.ConsumerBody

    /// The C function behind every consumer.
    static let run: hl_batch_fn = { _, user, batch in
        guard let box = Callback<ConsumerBox>.of(user)?.body, let batch, let first = batch.pointee.msgs else { return }
        let isRetained = batch.pointee.flags & HL_BATCH_RETAINED != 0
        for index in 0..<Int(batch.pointee.count) {
            let place = UnsafeRawPointer(first) + index * Int(batch.pointee.stride)
            box.body(Message(place.assumingMemoryBound(to: hl_msg.self)), isRetained)
        }
    }
}
