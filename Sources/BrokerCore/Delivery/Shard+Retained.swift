import MQTTCodec

/// Retained messages on their way to one new subscription: a walk that is taken up again turn by turn, so that a filter
/// that matches a million topics holds up nobody.
struct RetainedDelivery {
    let session: UInt64
    let cursor: RetainedCursor
    let qos: UInt8
    let noLocal: Bool
    let identifier: UInt32
}

extension Shard {
    /// Most retained messages sent per subscription and turn.
    private static var retainedPerTurn: Int { 256 }

    /// Keeps, replaces or clears the retained message of a topic [MQTT-3.3.1-5, -6], before it is handed out.
    @inline(never)
    func storeRetained(_ message: PublishedMessage) {
        if hooks.table.hasRetainSet { decideRetained(message) } else { keepRetained(message) }
    }

    /// As a plugin wants it kept, or not.
    func keepRetained(_ offered: PublishedMessage) {
        var message = offered
        // Nobody will get it, but it has taken the place of the older one [MQTT-3.3.1-5].
        if message.hasExpired(at: now) { message.payload = UnsafeRawBufferPointer(start: nil, count: 0) }
        guard message.payload.count > 0 else {
            var order: UInt64 = 0
            if shared.retained.clear(message.topic, stamp: { order = $0 }) { persistRetained(message, order: order) }
            return
        }
        let kept = RetainedMessage(
            topic: Array(message.topic), payload: Array(message.payload), qos: message.qos,
            properties: Array(message.properties), expiresAt: message.expiresAt, publishedAt: now,
            publisher: clientID(ofSession: message.publisher))
        var order: UInt64 = 0
        switch shared.retained.set(kept, mayGrow: !isShortOfMemory, stamp: { order = $0 }) {
        case .stored, .replaced:
            persistRetained(message, order: order)
            if kept.expiresAt != 0 { watchRetained(kept.topic, until: kept.expiresAt) }
        case .refusedMessages, .refusedBytes: drop(nil, message, .retainedLimit)
        }
    }

    func startRetained(_ delivery: RetainedDelivery) {
        let progress = sendRetained(delivery)
        if progress != .over { retainedDeliveries.append(delivery) }
        if progress == .more { retainedGoesOn = true }
    }

    /// Goes on with the walks that are not over.
    func continueRetained() {
        guard !retainedDeliveries.isEmpty else { return }
        retainedGoesOn = false
        let deliveries = retainedDeliveries
        retainedDeliveries = deliveries.filter { delivery in
            let progress = sendRetained(delivery)
            if progress == .more { retainedGoesOn = true }
            return progress != .over
        }
    }

    /// How far a walk has come.
    private enum RetainedProgress {
        /// All sent, or nobody wants it any more.
        case over
        /// The next turn goes on.
        case more
        /// Goes on when the reader has taken what waits for it.
        case readerIsSlow
    }

    /// Sends the next messages.
    private func sendRetained(_ delivery: RetainedDelivery) -> RetainedProgress {
        guard let session = findSession(id: delivery.session), let connection = session.pointee.connection else {
            return .over
        }
        // A reader that does not keep up gets the rest later, not all at once into memory.
        if connection.pointee.output.count > settings.maximumOutputBytes / 4 { return .readerIsSlow }
        var messages: [RetainedMessage] = []
        let isOver = delivery.cursor.next(into: &messages, maximum: Self.retainedPerTurn, now: now)
        // [MQTT-3.8.3-3]: with No Local its own messages do not come back, retained ones neither.
        for message in messages where !(delivery.noLocal && message.publisher == session.pointee.clientID) {
            send(message, to: session, delivery)
        }
        return isOver ? .over : .more
    }

    private func send(_ retained: RetainedMessage, to session: SessionRef, _ delivery: RetainedDelivery) {
        retained.topic.withUnsafeBytes { topic in
            retained.properties.withUnsafeBytes { properties in
                retained.payload.withUnsafeBytes { payload in
                    var message = PublishedMessage(
                        topic: topic, properties: properties, payload: payload, qos: retained.qos, retain: true,
                        origin: .retained)
                    message.expiresAt = retained.expiresAt
                    guard let connection = session.pointee.connection else { return }
                    let qos = min(retained.qos, delivery.qos)
                    if hooks.table.hasRetainGet {
                        decideRetainedDelivery(connection, message, qos) { send($0, to: session, delivery, qos) }
                    } else {
                        send(message, to: session, delivery, qos)
                    }
                }
            }
        }
    }

    /// [MQTT-3.3.1-8]: a message sent because of a new subscription has RETAIN set.
    private func send(
        _ message: PublishedMessage, to session: SessionRef, _ delivery: RetainedDelivery, _ qos: UInt8
    ) {
        guard let connection = session.pointee.connection else { return }
        var identifier = delivery.identifier
        withUnsafePointer(to: &identifier) { pointer in
            let identifiers = UnsafeBufferPointer(start: pointer, count: delivery.identifier == 0 ? 0 : 1)
            deliverInspected(
                connection, session, message,
                Delivery(qos: qos, retain: true, identifiers: identifiers, group: 0))
        }
    }
}
