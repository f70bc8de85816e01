// HOT PATH: once per topic that the broker has not seen on a connection; no allocation.

/// The rules for the Topic Name of a message (section 4.7).
public enum TopicName {
    /// Checks a Topic Name: one byte or more [MQTT-4.7.3-1], well-formed UTF-8 without U+0000 [MQTT-3.3.2-1], no
    /// wildcard character [MQTT-3.3.2-2].
    ///
    /// A PUBLISH of MQTT 5.0 may have an empty Topic Name beside a Topic Alias: the caller resolves the alias first.
    /// - Parameters:
    ///   - bytes: the name without its length prefix; borrowed during the call.
    ///   - count: length in bytes, 0 to 65,535.
    /// - Returns: what is wrong, or nil.
    public static func validate(_ bytes: UnsafeRawPointer, count: Int) -> DecodeError.Kind? {
        count == 0 ? .emptyTopicName : UnsafeUTF8.validateTopicName(bytes, count: count)
    }

    /// As ``validate(_:count:)`` for a name in an array, with the rule that a length prefix imposes [MQTT-4.7.3-3].
    public static func validate(_ name: [UInt8]) -> DecodeError.Kind? {
        guard name.count <= 0xFFFF else { return .truncated }
        return name.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return .emptyTopicName }
            return validate(start, count: bytes.count)
        }
    }
}

/// The rules for UTF-8 Encoded Strings (section 1.5.4), for callers that put text into packets.
public enum UTF8String {
    /// Checks that text can stand in a packet: well-formed UTF-8, no U+0000, 65,535 bytes at most.
    /// - Returns: what is wrong (`truncated` when it is too long for its length prefix), or nil.
    public static func validate(_ text: [UInt8]) -> DecodeError.Kind? {
        guard text.count <= 0xFFFF else { return .truncated }
        return text.withUnsafeBytes { bytes in
            bytes.baseAddress.flatMap { UnsafeUTF8.validate($0, count: bytes.count) }
        }
    }
}
