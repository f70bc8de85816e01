import Base64Coding
import Configuration
import StoreAccess
import StoreFormat
import StrictJSON

/// A pair as one line of JSON: key and value as they are, and beside them what they say, for people.
enum StoreLine {
    typealias Member = (key: String, value: JSONText)

    /// The first line of an export.
    static let header: [Member] = [
        ("hookline_store", .integer(1)), ("format", .integer(Int64(StoreFormat.version))),
    ]

    static func text(_ pair: UnsafeStoreView.Pair) -> String {
        var members: [Member] = [
            ("key", .string(hexadecimal(pair.key))), ("value", .string(Base64.encodePadded(pair.value))),
        ]
        members += about(pair)
        return JSONText.object(members).rendered
    }

    /// What a pair says.
    static func about(_ pair: UnsafeStoreView.Pair) -> [Member] {
        do throws(StoreFormatError) {
            return about(try StoreRecord(key: pair.key, value: pair.value))
        } catch {
            return [("problem", .string(error.description))]
        }
    }

    private static func about(_ record: StoreRecord) -> [Member] {
        var members: [Member] = [("record", .string(word(of: record)))]
        if let client = record.client, !client.isDigest { members.append(("client", .text(client.bytes))) }
        switch record {
        case .format(let version): members.append(("version", JSONText(version)))
        case .message(let id, let message):
            members.append(("message", JSONText(id)))
            members += about(message)
        case .group(let number, let subscription):
            members += [("group", JSONText(number)), ("subscription", .text(subscription))]
        case .session(let clientID, let expiry):
            if record.client?.isDigest == true { members.append(("client", .text(clientID))) }
            members.append(("expiry_seconds", JSONText(expiry)))
        case .offline(_, let since): members.append(("since", JSONText(since)))
        case .will(_, let will):
            members.append(("delay_seconds", JSONText(will.delay)))
            members += about(will.message)
        case .subscription(_, let filter, let options, let identifier):
            members += [
                ("filter", .text(filter)), ("options", JSONText(options)), ("identifier", JSONText(identifier)),
            ]
        case .rewritten(_, let asked, let entered):
            members += [("asked", .text(asked)), ("entered", .text(entered))]
        case .received(_, let packetID): members.append(("packet_id", JSONText(packetID)))
        case .inflight(_, let packetID, let order, let delivery):
            members += [("packet_id", JSONText(packetID)), ("order", JSONText(order))]
            if let delivery { members += about(delivery) }
        case .queued(_, let delivery):
            members.append(("position", JSONText(delivery.position)))
            members += about(delivery)
        case .groupQueued(let group, let position, let message, let qos):
            members += [
                ("group", JSONText(group)), ("position", JSONText(position)), ("message", JSONText(message)),
                ("qos", JSONText(qos)),
            ]
        case .retained(let message, let publisher):
            members += about(message)
            members.append(("publisher", .text(publisher)))
        case .handover(let id, let handover):
            members.append(("handover", JSONText(id)))
            members += about(handover.message)
        }
        return members
    }

    private static func about(_ message: StoredMessage) -> [Member] {
        var members: [Member] = [
            ("topic", .text(message.topic)), ("qos", JSONText(message.qos)), ("retain", .boolean(message.retain)),
            ("payload_bytes", JSONText(message.payload.count)),
        ]
        if message.expiresAt != 0 { members.append(("expires_at", JSONText(message.expiresAt))) }
        return members
    }

    private static func about(_ delivery: StoredDelivery) -> [Member] {
        [("message", JSONText(delivery.message)), ("qos", JSONText(delivery.qos))]
    }

    /// What kind of record it is.
    static func word(of record: StoreRecord) -> String {
        String(String(describing: record).prefix { $0 != "(" })
    }

    /// A line of an export; nil when it is the header.
    static func pair(_ line: [UInt8]) throws(StoreLineProblem) -> UnsafeStoreView.Pair? {
        let object: JSONValue
        do throws(JSONError) { object = try JSONValue(parsing: line) } catch {
            throw StoreLineProblem(words: "it is no JSON \(error)")
        }
        if object["hookline_store"] != nil { return nil }
        guard let key = object["key"]?.text.flatMap(bytes),
            let value = object["value"]?.text.flatMap(Base64.decodePadded)
        else { throw StoreLineProblem(words: "it has no 'key' in hexadecimal or no 'value' in Base64") }
        return UnsafeStoreView.Pair(key: key, value: value)
    }

    static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in bytes { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }

    /// Bytes of hexadecimal text; nil when it is none.
    static func bytes(_ text: String) -> [UInt8]? {
        let digits = text.utf8.map { UInt8(String(UnicodeScalar($0)), radix: 16) }
        guard digits.count % 2 == 0, !digits.contains(nil) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { (digits[$0] ?? 0) << 4 | (digits[$0 + 1] ?? 0) }
    }
}

/// Why a line of an export cannot be read.
struct StoreLineProblem: Error { let words: String }

extension JSONText {
    /// Text of a client, with U+FFFD for what is not UTF-8.
    fileprivate static func text(_ bytes: [UInt8]) -> JSONText { .string(String(decoding: bytes, as: UTF8.self)) }
}
