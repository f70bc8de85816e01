/// How messages are traced while somebody exports spans.
public struct TraceSettings: Sendable {
    /// Share of the traces that begin here which are recorded, 0 ... 1. A trace that began elsewhere is recorded when
    /// its `traceparent` says so, and not otherwise.
    public var ratio: Double
    /// Name of the JSON member of a payload that holds a correlation id; used for messages of 3.1.1 clients, which have
    /// no properties to carry a context. Empty: payloads are not looked at.
    public var correlationField: [UInt8]
    /// Wall clock, nanoseconds since 1970. [any thread]
    public var clock: @Sendable () -> Int64
    /// Takes spans that have ended, those of one message together. [a shard's thread; must not block]
    public var take: @Sendable ([MessageSpan]) -> Void

    /// - Parameter ratio: anything outside of 0 ... 1 counts as the nearer end.
    public init(
        ratio: Double, correlationField: [UInt8] = [], clock: @escaping @Sendable () -> Int64,
        take: @escaping @Sendable ([MessageSpan]) -> Void
    ) {
        self.ratio = min(max(ratio.isNaN ? 0 : ratio, 0), 1)
        self.correlationField = correlationField
        self.clock = clock
        self.take = take
    }

    /// Whether a trace that begins here is recorded: decided by its id, so that every broker with the same ratio comes
    /// to the same answer about one trace.
    public static func isRecorded(traceLow: UInt64, ratio: Double) -> Bool {
        if ratio >= 1 { return true }
        return ratio > 0 && traceLow >> 1 < UInt64(ratio * 0x1p63)
    }
}

/// A span of the broker that has ended.
public struct MessageSpan: Sendable, Equatable {
    /// What was done; the words are those of the span's name.
    public enum Work: String, Sendable {
        /// A message was taken from a client or a plugin, decided on and handed out.
        case publish
        /// A plugin was asked.
        case hook
        /// The message went to a client that is online.
        case deliver
        /// The message was put into the queue of a session.
        case queue
        /// What had to survive was committed.
        case store
    }

    /// What a span says beside its times: names of the OpenTelemetry semantic conventions where there is one.
    public struct Attribute: Sendable, Equatable {
        /// Such as `messaging.destination.name`.
        public var key: String
        /// UTF-8.
        public var value: [UInt8]

        /// A name and what it stands for, cut at 512 bytes.
        public init(_ key: String, _ value: some Sequence<UInt8>) {
            self.key = key
            self.value = Array(value.prefix(512))
        }

        /// A name and a text.
        public init(_ key: String, _ value: String) { self.init(key, value.utf8) }
    }

    /// Its own ids.
    public var context: TraceContext
    /// The span it is a part of; 0: none, the trace begins here.
    public var parentID: UInt64
    /// `tracestate` as it came; empty when none did.
    public var traceState: [UInt8]
    /// What was done.
    public var work: Work
    /// Of a hook: its name, such as `acl.publish`; else empty.
    public var detail: String
    /// Wall clock, nanoseconds since 1970.
    public var began, ended: Int64
    /// In no order.
    public var attributes: [Attribute]
    /// It did not end well: refused, dropped, failed.
    public var hasFailed: Bool

    /// As exporters show it: `publish`, `hook acl.publish`.
    public var name: String { detail.isEmpty ? work.rawValue : "\(work.rawValue) \(detail)" }
}
