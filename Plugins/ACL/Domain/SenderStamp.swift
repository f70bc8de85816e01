internal import PluginSDK

/// User properties by which subscribers know the sender of a message. The broker writes them; what a client writes
/// under these names is taken out, so nobody speaks in another's name.
struct SenderStamp: Sendable {
    /// Names of the properties; empty ones are not written.
    private var client: [UInt8] = []
    private var user: [UInt8] = []
    private var account: [UInt8] = []

    private static let userProperty: UInt8 = 0x26

    /// - Returns: `nil` when the setting is absent or wrong; what is wrong is added to `faults`.
    init?(_ setting: ConfigurationNode, _ faults: inout [ConfigurationFault]) {
        guard setting.kind != .none else { return nil }
        let keys = setting.keys
        if keys.isEmpty {
            faults.append(
                ConfigurationFault(setting, "stamp is a mapping such as { client: sender, user: sender-user }"))
        }
        for (key, item) in zip(keys, setting.items) {
            let name = Array(item.text.utf8)
            if item.kind != .scalar || name.isEmpty || name.count > 256 || name.contains(0) {
                faults.append(ConfigurationFault(item, "'\(key)' needs the name of a user property"))
            }
            switch key {
            case "client": client = name
            case "user": user = name
            case "account": account = name
            default:
                faults.append(ConfigurationFault(item, "'\(key)' is not known; a stamp has client, user and account"))
            }
        }
        guard faults.isEmpty else { return nil }
    }

    /// The properties of `message` with the stamp of its sender.
    /// - Returns: `nil` when they cannot be read, which the host has excluded.
    func applied(to message: borrowing Message) -> [UInt8]? {
        guard var properties = withoutForgeries(message.properties) else { return nil }
        let sender = message.publisher
        append(client, sender.id, to: &properties)
        append(user, sender.userName, to: &properties)
        append(account, sender.account, to: &properties)
        return properties
    }

    /// Everything but user properties of our names.
    func withoutForgeries(_ properties: Span<UInt8>) -> [UInt8]? {
        var kept: [UInt8] = []
        kept.reserveCapacity(properties.count + 128)
        var position = 0
        while position < properties.count {
            guard let length = Self.length(of: properties, at: position) else { return nil }
            let property = properties.extracting(position..<(position + length))
            if !isOurs(property) { for index in property.indices { kept.append(property[index]) } }
            position += length
        }
        return kept
    }

    private func isOurs(_ property: Span<UInt8>) -> Bool {
        guard property[0] == Self.userProperty else { return false }
        let count = Int(property[1]) << 8 | Int(property[2])
        return [client, user, account].contains { name in
            !name.isEmpty && name.count == count && name.indices.allSatisfy { property[3 + $0] == name[$0] }
        }
    }

    private func append(_ name: [UInt8], _ value: Span<UInt8>, to properties: inout [UInt8]) {
        guard !name.isEmpty, !value.isEmpty, value.count <= 65_535 else { return }
        properties.append(Self.userProperty)
        properties += [UInt8(name.count >> 8), UInt8(name.count & 0xff)] + name
        properties += [UInt8(value.count >> 8), UInt8(value.count & 0xff)]
        for index in value.indices { properties.append(value[index]) }
    }

    /// Bytes of the property at `start`: those that may stand in a PUBLISH or a will (MQTT 5.0, table 2-4).
    private static func length(of properties: Span<UInt8>, at start: Int) -> Int? {
        func text(at offset: Int) -> Int? {
            guard start + offset + 2 <= properties.count else { return nil }
            return 2 + (Int(properties[start + offset]) << 8 | Int(properties[start + offset + 1]))
        }
        let length: Int? =
            switch properties[start] {
            case 0x01: 2
            case 0x02, 0x18: 5
            case 0x23: 3
            case 0x03, 0x08, 0x09: text(at: 1).map { 1 + $0 }
            case 0x0B:
                (1...4).first { start + $0 < properties.count && properties[start + $0] < 0x80 }.map { 1 + $0 }
            case userProperty:
                text(at: 1).flatMap { name in text(at: 1 + name).map { 1 + name + $0 } }
            default: nil
            }
        guard let length, start + length <= properties.count else { return nil }
        return length
    }
}
