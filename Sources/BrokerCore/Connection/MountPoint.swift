import MQTTCodec

/// A mount point stands before every topic and filter of a client, which does not see it: several tenants, each with a
/// tree of its own. Hooks, other clients and the log see the whole topic.
extension Shard {
    /// Longest mount point in bytes.
    public static var maximumMountPoint: Int { 1024 }

    /// Whether topics may stand under it: not empty, no wildcard, none of the broker's own topics.
    public static func isMountPoint(_ bytes: [UInt8]) -> Bool {
        bytes.count <= maximumMountPoint && bytes.first != UInt8(ascii: "$") && TopicName.validate(bytes) == nil
    }

    /// From now on the connection has the mount point of its identity.
    func useMountPoint(_ connection: ConnectionRef) {
        if connection.extras.identity.mountPoint.isEmpty {
            connection.pointee.flags.remove(.mounted)
        } else {
            connection.pointee.flags.insert(.mounted)
        }
    }

    /// Puts the mount point before the topic of a message that comes in. False: the topic has become too long, and the
    /// connection has ended.
    @inline(never)
    func mount(_ connection: ConnectionRef, _ message: inout PublishedMessage) -> Bool {
        // The packet names another topic: it cannot be sent on as it is.
        message.frame = nil
        // What is no topic is refused where every topic is looked at.
        guard message.topic.count > 0, TopicName.validate(Array(message.topic)) == nil else { return true }
        guard let whole = mounted(Array(message.topic), connection) else {
            protocolFailure(connection, .topicNameInvalid, "topic name is too long behind the mount point")
            return false
        }
        // The entry keeps the bytes for this turn.
        message.topic = whole.withUnsafeBytes { topicEntry($0.baseAddress.unsafelyUnwrapped, $0.count).topic }
        return true
    }

    /// The whole name of a topic of the client; nil: it is too long.
    func mounted(_ topic: [UInt8], _ connection: ConnectionRef) -> [UInt8]? {
        guard connection.pointee.flags.contains(.mounted) else { return topic }
        let whole = connection.extras.identity.mountPoint + topic
        guard whole.count <= settings.maximumTopicLength,
            whole.withUnsafeBytes({ TopicFilter.validate($0, maximumLevels: settings.maximumTopicLevels) }) == nil
        else { return nil }
        return whole
    }

    /// The whole filter: the mount point stands behind `$share/{group}/`. What is no filter stays as it is, to be
    /// refused like any other.
    func mounted(filter: [UInt8], _ connection: ConnectionRef) -> [UInt8] {
        guard connection.pointee.flags.contains(.mounted) else { return filter }
        return filter.withUnsafeBytes { bytes in
            guard let parsed = try? TopicFilter.parse(bytes, maximumLevels: settings.maximumTopicLevels) else {
                return filter
            }
            return Array(bytes.prefix(bytes.count - parsed.filter.count)) + connection.extras.identity.mountPoint
                + Array(parsed.filter)
        }
    }

    /// The message as the client is to see it; nil: it does not stand under its mount point, and is not for its eyes.
    func unmounted(_ message: PublishedMessage, _ connection: ConnectionRef) -> PublishedMessage? {
        let mountPoint = connection.extras.identity.mountPoint
        guard message.topic.count > mountPoint.count, message.topic.starts(with: mountPoint) else { return nil }
        var seen = message
        seen.topic = UnsafeRawBufferPointer(rebasing: message.topic[mountPoint.count...])
        seen.frame = nil
        return seen
    }
}
