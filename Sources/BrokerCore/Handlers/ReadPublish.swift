// HOT PATH: a topic that is known is one look-up; properties are for 5.0 clients that send some.
import MQTTCodec

/// What a PUBLISH says beside its payload: its topic, or the alias that stands for it, and its properties.
extension Shard {
    /// Resolves the topic alias and takes the properties that matter to the broker. False: the connection has ended.
    @inline(never)
    func readProperties(
        _ connection: ConnectionRef, _ frame: UnsafeRawPointer, _ header: PublishHeader,
        _ message: inout PublishedMessage
    ) -> Bool {
        let block = UnsafeRawBufferPointer(start: frame + header.propertiesOffset, count: header.propertiesLength)
        let properties: PublishProperties
        do {
            properties = try PublishProperties.parse(frame: frame, header: header, role: .fromClient)
        } catch {
            protocolFailure(connection, error)
            return false
        }
        if let seconds = properties.messageExpiryInterval {
            // Counted from its arrival, also when a hook has held it up.
            let arrival = state.pointee.arrival == 0 ? now : state.pointee.arrival
            // Less of its time is left than the packet says: it cannot be sent on as it is [MQTT-3.3.2-6].
            if arrival != now { message.frame = nil }
            message.expiresAt = arrival &+ max(1, Int64(seconds) &* 1_000_000_000)
        }
        if let alias = properties.topicAlias {
            // An alias means something to this connection only [MQTT-3.3.2-7]: the packet cannot be sent on as it is.
            message.frame = nil
            guard let topic = resolve(alias, message.topic, connection) else { return false }
            message.topic = topic
        }
        message.properties = forwardable(block, properties)
        return true
    }

    /// The properties that are forwarded: the block itself when nothing in it is the broker's, else a copy in the
    /// shard's scratch memory.
    private func forwardable(
        _ block: UnsafeRawBufferPointer, _ properties: PublishProperties
    ) -> UnsafeRawBufferPointer {
        if properties.topicAlias == nil && properties.messageExpiryInterval == nil { return block }
        let place = propertyScratch(block.count)
        let count = PublishProperties.copyForwardable(block: block, into: place)
        return UnsafeRawBufferPointer(start: place, count: count)
    }

    /// The topic that `alias` stands for, or the new meaning it gets. Nil: the connection has ended.
    private func resolve(
        _ alias: UInt16, _ topic: UnsafeRawBufferPointer, _ connection: ConnectionRef
    ) -> UnsafeRawBufferPointer? {
        let extras = connection.extras
        guard alias >= 1, alias <= settings.maximumTopicAlias else {
            protocolFailure(
                connection, .topicAliasInvalid,
                "topic alias \(alias) is not in 1...\(settings.maximumTopicAlias) [MQTT-3.3.2-9]")
            return nil
        }
        let slot = Int(alias) - 1
        if topic.count > 0 {
            while extras.inboundAliases.count <= slot { extras.inboundAliases.append(nil) }
            extras.inboundAliases[slot] = Array(topic)
            return topic
        }
        guard slot < extras.inboundAliases.count, let known = extras.inboundAliases[slot] else {
            protocolFailure(
                connection, .protocolError,
                "topic alias \(alias) was never given a topic [section 3.3.2.3.4, MQTT-4.13.1-1]")
            return nil
        }
        // The entry keeps the bytes for this turn; a topic given an alias has been validated with its first use.
        return known.withUnsafeBytes { topicEntry($0.baseAddress!, $0.count).topic }
    }

    /// The cache entry of a topic from the wire; validates a topic that is new. Nil: the connection has ended.
    @inline(__always)
    func knownTopic(
        _ connection: ConnectionRef, _ topic: UnsafeRawBufferPointer, _ frame: UnsafeRawPointer
    ) -> UnsafeMutablePointer<TopicEntry>? {
        let base = topic.baseAddress.unsafelyUnwrapped
        return state.pointee.topics.find(base, topic.count) ?? newTopic(connection, topic, frame)
    }

    @inline(never)
    private func newTopic(
        _ connection: ConnectionRef, _ topic: UnsafeRawBufferPointer, _ frame: UnsafeRawPointer
    ) -> UnsafeMutablePointer<TopicEntry>? {
        let base = topic.baseAddress.unsafelyUnwrapped
        if let kind = TopicName.validate(base, count: topic.count) {
            // A topic that an alias stands for was checked when it was given the alias: this one is in the packet.
            protocolFailure(
                connection,
                DecodeError(
                    kind, .topicName, at: base - frame - 2, version: connection.pointee.version, packet: .publish))
            return nil
        }
        if topic.count > settings.maximumTopicLength
            || TopicFilter.validate(topic, maximumLevels: settings.maximumTopicLevels) != nil
        {
            protocolFailure(
                connection, .topicNameInvalid,
                "topic name has more than \(settings.maximumTopicLevels) levels or \(settings.maximumTopicLength) bytes"
            )
            return nil
        }
        return state.pointee.topics.intern(base, topic.count)
    }

    /// The entry of a topic that is known to be valid.
    func topicEntry(_ base: UnsafeRawPointer, _ count: Int) -> UnsafeMutablePointer<TopicEntry> {
        state.pointee.topics.find(base, count) ?? state.pointee.topics.intern(base, count)
    }
}
