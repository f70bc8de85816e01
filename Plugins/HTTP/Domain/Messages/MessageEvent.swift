internal import Base64Coding
internal import Glibc
internal import MQTTCodec
internal import NIOCore

/// A message as a server-sent event (WHATWG HTML, 9.2).
enum MessageEvent {
    /// - Parameter id: what a reader who comes back says in Last-Event-ID.
    static func bytes(of message: Publish, id: String) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeString("id: \(id)\nevent: message\ndata: ")
        buffer.writeBytes(document(of: message, at: wallTime).bytes)
        buffer.writeString("\n\n")
        return buffer
    }

    /// An event that says how many messages a reader has missed.
    static func lost(_ count: UInt64) -> ByteBuffer {
        ByteBuffer(string: "event: lost\ndata: {\"lost\":\(count)}\n\n")
    }

    private static func document(of message: Publish, at wall: Int64) -> JSON {
        let (payload, encoding) = text(message.payload)
        var members: [(name: String, value: JSON)] = [
            ("topic", .string(message.topicText)), ("payload", .string(payload)),
            ("payload_encoding", .string(encoding)), ("qos", .count(message.qos)),
            ("retain", .boolean(message.retain)),
            // Known where the acl plugin stamps messages with it (stamp: { client: client_id }).
            ("client_id", .optional(userProperty("client_id", of: message))),
            ("time", .string(TimeText(wall: wall).rfc3339)),
        ]
        let properties = MessageEvent.properties(of: message.properties)
        if !properties.isEmpty { members.append(("properties", .object(properties))) }
        return .object(members)
    }

    /// A payload as JSON can carry it: as it is when it is text, else in base64.
    static func text(_ payload: [UInt8]) -> (text: String, encoding: String) {
        if let text = String(validating: payload, as: UTF8.self), !payload.contains(0) { return (text, "plain") }
        return (Base64.encodePadded(payload), "base64")
    }

    private static func userProperty(_ name: String, of message: Publish) -> String? {
        // The last: a client may have sent one of its own in front.
        message.properties.userProperties.last { $0.name.elementsEqual(name.utf8) }.map {
            String(decoding: $0.value, as: UTF8.self)
        }
    }

    private static func properties(of given: Properties) -> [(name: String, value: JSON)] {
        var members: [(name: String, value: JSON)] = []
        if let value = given.contentType { members.append(("content_type", json(value))) }
        if let value = given.responseTopic { members.append(("response_topic", json(value))) }
        if let value = given.correlationData {
            members.append(("correlation_data", .string(Base64.encodePadded(value))))
        }
        if let value = given.messageExpiryInterval { members.append(("message_expiry_interval", .count(value))) }
        if !given.userProperties.isEmpty {
            members.append(
                ("user", .array(given.userProperties.map { .array([json($0.name), json($0.value)]) })))
        }
        return members
    }

    private static func json(_ bytes: [UInt8]) -> JSON { .string(String(decoding: bytes, as: UTF8.self)) }

    private static var wallTime: Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
    }
}
