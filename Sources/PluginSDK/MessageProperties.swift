internal import PluginABI

/// One MQTT 5 property, copied out of a message.
public struct MessageProperty: Sendable, Equatable {
    /// Its identifier (OASIS MQTT 5.0, table 2-4), such as 0x26 for a user property.
    public var id: UInt32
    /// The value of a numeric property.
    public var number: UInt32
    /// User properties only.
    public var name: [UInt8]
    /// The value of every other property.
    public var value: [UInt8]
}

extension Message {
    /// All forwarded properties in the order of the packet, duplicates included; empty for MQTT 3.1.1.
    public func allProperties() -> [MessageProperty] {
        var rest = raw.pointee.properties
        var property = hl_property()
        var result: [MessageProperty] = []
        while hl_property_next(&rest, &property) != 0 {
            result.append(
                MessageProperty(
                    id: property.id, number: property.number, name: Array(property.name.buffer),
                    value: Array(property.value.buffer)))
        }
        return result
    }

    /// The first property with this identifier.
    public func property(_ id: UInt32) -> MessageProperty? { allProperties().first { $0.id == id } }

    /// The value of the first user property with this name.
    public func userProperty(_ name: String) -> String? {
        allProperties().first { $0.id == HL_PROPERTY_USER && $0.name.elementsEqual(name.utf8) }
            .map { String(decoding: $0.value, as: UTF8.self) }
    }

    /// Seconds until the message expires, as its publisher said; `nil`: never.
    public var messageExpiry: UInt32? { property(HL_PROPERTY_MESSAGE_EXPIRY)?.number }
    /// Media type of the payload.
    public var contentType: String? {
        property(HL_PROPERTY_CONTENT_TYPE).map { String(decoding: $0.value, as: UTF8.self) }
    }
    /// Where an answer is wanted.
    public var responseTopic: String? {
        property(HL_PROPERTY_RESPONSE_TOPIC).map { String(decoding: $0.value, as: UTF8.self) }
    }
    /// What an answer must carry.
    public var correlationData: [UInt8]? { property(HL_PROPERTY_CORRELATION_DATA)?.value }
}
