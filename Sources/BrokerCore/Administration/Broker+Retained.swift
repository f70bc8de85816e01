/// A retained message. A copy.
public struct RetainedReport: Sendable {
    /// UTF-8.
    public var topic: [UInt8]
    /// Never empty.
    public var payload: [UInt8]
    /// Forwardable MQTT 5 properties in wire form.
    public var properties: [UInt8]
    /// 0, 1 or 2.
    public var qos: UInt8
    /// Host clock ns; 0 = never.
    public var expiresAt: Int64
    /// Host clock ns.
    public var publishedAt: Int64
    /// Client Identifier; empty for the broker itself.
    public var publisher: [UInt8]

    init(_ message: RetainedMessage) {
        topic = message.topic
        payload = message.payload
        properties = message.properties
        qos = message.qos
        expiresAt = message.expiresAt
        publishedAt = message.publishedAt
        publisher = message.publisher
    }
}

/// A walk over the retained messages that match a filter: what is there from the first page to the last is seen
/// exactly once. One thread at a time.
public final class RetainedWalk {
    private let cursor: RetainedCursor

    init(_ cursor: RetainedCursor) { self.cursor = cursor }

    /// Up to `maximum` messages, perhaps none, and whether the walk is over.
    public func next(maximum: Int, now: Int64) -> (messages: [RetainedReport], isLast: Bool) {
        var messages: [RetainedMessage] = []
        let isLast = cursor.next(into: &messages, maximum: maximum, now: now)
        return (messages.map(RetainedReport.init), isLast)
    }
}

extension Broker {
    /// The retained message of a topic. [any thread]
    public func retained(topic: [UInt8], now: Int64) -> RetainedReport? {
        topic.withUnsafeBytes { shared.retained.get($0, now: now) }.map(RetainedReport.init)
    }

    /// A walk over the retained messages that match a valid filter. [any thread]
    public func retained(matching filter: [UInt8]) -> RetainedWalk {
        RetainedWalk(filter.withUnsafeBytes { shared.retained.cursor($0) })
    }

    /// Retained messages, and the bytes of their topics, payloads and properties. [any thread]
    public var retainedUsage: (messages: Int, bytes: Int) { (shared.retained.count, shared.retained.bytes) }

    /// Sessions of the whole broker, connected or not. [any thread]
    public var sessionCount: Int { shared.sessionCount }
}
