/// One entry of a SUBSCRIBE: a Topic Filter and its Subscription Options (section 3.8.3.1).
public struct Subscription: Hashable, Sendable {
    /// When a new subscription brings the retained messages.
    public enum RetainHandling: UInt8, Sendable, CaseIterable {
        /// At each SUBSCRIBE.
        case send = 0
        /// Only when the subscription did not exist.
        case sendIfNew = 1
        /// Never.
        case doNotSend = 2
    }

    /// UTF-8, 1 to 65,535 bytes. The rules for wildcards and Shared Subscriptions are checked where filters are used.
    public var filter: [UInt8]
    /// Maximum QoS: 0, 1 or 2.
    public var qos: UInt8
    /// Do not send the Client its own messages; 5.0 only.
    public var noLocal: Bool
    /// Forward messages with the RETAIN flag they came with; 5.0 only.
    public var retainAsPublished: Bool
    /// 5.0 only; 3.1.1 always sends.
    public var retainHandling: RetainHandling

    /// An entry.
    public init(
        filter: [UInt8], qos: UInt8 = 0, noLocal: Bool = false, retainAsPublished: Bool = false,
        retainHandling: RetainHandling = .send
    ) {
        self.filter = filter
        self.qos = qos
        self.noLocal = noLocal
        self.retainAsPublished = retainAsPublished
        self.retainHandling = retainHandling
    }

    /// The filter as text.
    public var filterText: String { String(decoding: filter, as: UTF8.self) }
}

/// SUBSCRIBE: a Client asks for messages (section 3.8).
public struct Subscribe: Hashable, Sendable {
    /// 1 to 65,535.
    public var packetID: UInt16
    /// One entry or more [MQTT-3.8.3-2].
    public var subscriptions: [Subscription]
    /// 5.0 only.
    public var properties: Properties

    /// A SUBSCRIBE.
    public init(packetID: UInt16, subscriptions: [Subscription], properties: Properties = Properties()) {
        self.packetID = packetID
        self.subscriptions = subscriptions
        self.properties = properties
    }

    /// Reads a SUBSCRIBE packet.
    /// - Parameters:
    ///   - frame: exactly one packet; borrowed during the call.
    ///   - lenient: pass over Topic Filters of no bytes, which the caller refuses one by one.
    public static func decode(
        frame: UnsafeRawBufferPointer, version: ProtocolVersion, lenient: Bool = false
    ) throws(DecodeError) -> Subscribe {
        var reader = try UnsafeByteReader(packet: frame, expecting: .subscribe, version: version)
        let packetID = try reader.readPacketID()
        let properties = try Properties.decode(&reader, in: .subscribe, from: .fromClient)
        guard reader.remaining > 0 else { throw reader.error(.emptySubscribe, .topicFilter) }
        var subscriptions: [Subscription] = []
        while reader.remaining > 0 {
            let filter = try reader.readTopicFilter(lenient)
            subscriptions.append(try reader.readSubscriptionOptions(for: filter))
        }
        return Subscribe(packetID: packetID, subscriptions: subscriptions, properties: properties)
    }

    /// Appends the packet to `writer`.
    public func encode(into writer: inout ByteWriter, version: ProtocolVersion) {
        writer.writePacket(PacketType.subscribe.firstByte) { writer in
            writer.write(packetID)
            if version == .v5_0 { properties.encode(into: &writer, in: .subscribe) }
            for subscription in subscriptions {
                writer.writePrefixed(subscription.filter)
                writer.write(version == .v5_0 ? subscription.options : subscription.qos)
            }
        }
    }
}

extension Subscription {
    fileprivate var options: UInt8 {
        qos | (noLocal ? 0b100 : 0) | (retainAsPublished ? 0b1000 : 0) | retainHandling.rawValue << 4
    }
}

extension UnsafeByteReader {
    /// A Topic Filter: UTF-8 of at least one byte [MQTT-4.7.3-1].
    mutating func readTopicFilter(_ lenient: Bool) throws(DecodeError) -> [UInt8] {
        let range = try readString(.topicFilter)
        guard range.length > 0 || lenient else { throw error(.emptyTopicFilter, .topicFilter, at: range.offset - 2) }
        return bytes(range)
    }

    fileprivate mutating func readSubscriptionOptions(for filter: [UInt8]) throws(DecodeError) -> Subscription {
        let offset = position
        let options = try readByte(.subscriptionOptions)
        // 3.1.1 has the QoS only: [MQTT-3-8.3-4]. The order of checks keeps a Malformed Packet before Protocol Errors.
        guard options & (version == .v5_0 ? 0b1100_0000 : 0b1111_1100) == 0 else {
            throw error(.reservedSubscriptionOptions, .subscriptionOptions, at: offset)
        }
        guard options & 0b11 != 3 else { throw error(.invalidQoS, .subscriptionOptions, at: offset) }
        guard let retainHandling = Subscription.RetainHandling(rawValue: options >> 4) else {
            throw error(.invalidRetainHandling, .subscriptionOptions, at: offset)
        }
        return Subscription(
            filter: filter, qos: options & 0b11, noLocal: options & 0b100 != 0,
            retainAsPublished: options & 0b1000 != 0, retainHandling: retainHandling)
    }
}
