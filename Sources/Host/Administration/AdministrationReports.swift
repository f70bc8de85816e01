import Base64Coding
import BrokerCore
import Configuration

/// Sessions, subscriptions and messages as administrators see them (docs/administration.md).
enum AdministrationReports {
    /// A moment of the host clock, or null for 0.
    static func time(_ hostTime: Int64, _ clock: Clock) -> JSONText {
        guard hostTime != 0 else { return .null }
        var text = LogText()
        text.appendRFC3339(CalendarTime.utc(clock.wall &+ (hostTime &- clock.host)))
        return .string(String(decoding: text.bytes, as: UTF8.self))
    }

    /// One moment on both clocks, ns.
    struct Clock: Sendable {
        var host = monotonicNow()
        var wall = wallNow()
    }

    /// An item of `clients`.
    static func session(_ report: SessionReport, _ clock: Clock) -> JSONText {
        let identity = report.identity
        return [
            "client_id": text(report.clientID), "connected": .boolean(identity != nil),
            "username": optional(identity?.username), "address": identity.map { .string($0.address) } ?? .null,
            "listener": identity.map { .string($0.listener) } ?? .null,
            "protocol": .string(report.protocolLevel == 5 ? "5.0" : "3.1.1"),
            "connected_at": time(report.connectedAt, clock), "keep_alive": JSONText(report.keepAlive),
            "persistent": .boolean(report.isPersistent),
            "session_expiry_interval": JSONText(report.expiryInterval),
            "subscriptions": JSONText(report.subscriptions), "inflight": JSONText(report.inflight),
            "queued": JSONText(report.queued), "loop": JSONText(report.shard),
        ]
    }

    /// An item of `subscriptions`.
    static func subscription(_ report: SubscriptionReport) -> JSONText {
        [
            "client_id": text(report.clientID), "filter": text(report.filter),
            "share_group": optional(report.shareGroup), "qos": JSONText(report.qos),
            "no_local": .boolean(report.noLocal), "retain_as_published": .boolean(report.retainAsPublished),
            "retain_handling": JSONText(report.retainHandling),
            "subscription_id": report.identifier == 0 ? .null : JSONText(report.identifier),
        ]
    }

    /// An item of `retained`.
    static func retained(_ report: RetainedReport, _ clock: Clock) -> JSONText {
        .object(retainedMembers(report, clock))
    }

    /// `retained_message`: the item with its payload.
    static func retainedMembers(
        _ report: RetainedReport, _ clock: Clock, withPayload: Bool = false
    ) -> [(key: String, value: JSONText)] {
        var members: [(key: String, value: JSONText)] = [
            ("topic", text(report.topic)), ("qos", JSONText(report.qos)), ("size", JSONText(report.payload.count)),
            ("client_id", optional(report.publisher)), ("published_at", time(report.publishedAt, clock)),
            ("expires_at", time(report.expiresAt, clock)),
        ]
        if withPayload {
            // NUL is valid UTF-8 that few readers of text expect.
            let plain = report.payload.contains(0) ? nil : String(validating: report.payload, as: UTF8.self)
            members.append(("payload", .string(plain ?? Base64.encodePadded(report.payload))))
            members.append(("payload_encoding", plain == nil ? "base64" : "plain"))
        }
        return members
    }

    /// A page.
    static func list(_ items: [JSONText], next: String?, total: Int?) -> ControlAnswer {
        .done([
            ("items", .array(items)), ("next_cursor", next.map { .string($0) } ?? .null),
            ("total", total.map { JSONText($0) } ?? .null),
        ])
    }

    static func text(_ bytes: [UInt8]) -> JSONText { .string(String(decoding: bytes, as: UTF8.self)) }

    private static func optional(_ bytes: [UInt8]?) -> JSONText {
        guard let bytes, !bytes.isEmpty else { return .null }
        return text(bytes)
    }
}

/// A cursor as text: opaque to whoever gets it.
enum CursorText {
    static func make(_ number: UInt64) -> String { String(number, radix: 36) }

    static func number(_ text: String) throws(UsageError) -> UInt64 {
        guard let number = UInt64(text, radix: 36) else { throw unknown }
        return number
    }

    static func make(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    static func bytes(_ text: String) throws(UsageError) -> [UInt8] {
        let digits = Array(text.utf8)
        guard digits.count % 2 == 0 else { throw unknown }
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: digits.count, by: 2) {
            guard let byte = UInt8(String(decoding: digits[start...start + 1], as: UTF8.self), radix: 16) else {
                throw unknown
            }
            bytes.append(byte)
        }
        return bytes
    }

    static let unknown = UsageError("cursor: not one that this broker gave; begin again without it")
}
