/// MQTT 5 properties of a message that a plugin publishes, in the order in which they were added.
public struct PropertyList: Sendable, Equatable {
    /// In wire form, without the length in front.
    public private(set) var bytes: [UInt8] = []

    /// None.
    public init() {}

    /// What the publisher of a message said about it, `nil` left out.
    /// - Parameters:
    ///   - isText: the payload is UTF-8.
    ///   - contentType: media type of the payload.
    ///   - responseTopic: a topic name without wildcards.
    public init(
        isText: Bool? = nil, contentType: String? = nil, responseTopic: String? = nil, correlationData: [UInt8]? = nil,
        user: [(name: String, value: String)] = []
    ) {
        if let isText { bytes += [0x01, isText ? 1 : 0] }
        if let contentType { add(0x03, Array(contentType.utf8)) }
        if let responseTopic { add(0x08, Array(responseTopic.utf8)) }
        if let correlationData { add(0x09, correlationData) }
        for property in user { addUser(property.name, property.value) }
    }

    /// The properties of a message as it came, to publish another one like it.
    public init(of message: borrowing Message) { bytes = [UInt8](message.properties) }

    /// A user property: names may repeat, their order is kept.
    public mutating func addUser(_ name: String, _ value: String) {
        add(0x26, Array(name.utf8))
        append(Array(value.utf8))
    }

    private mutating func add(_ id: UInt8, _ value: [UInt8]) {
        bytes.append(id)
        append(value)
    }

    /// Longer than a property can be: cut, and then refused by the broker if it is no UTF-8 any more.
    private mutating func append(_ value: [UInt8]) {
        let cut = value.prefix(65_535)
        bytes += [UInt8(cut.count >> 8), UInt8(cut.count & 0xFF)] + cut
    }
}
