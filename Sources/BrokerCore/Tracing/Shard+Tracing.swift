import MQTTCodec
import PluginABI

/// Messages while tracing is on. Off, none of this runs: the publish path has one branch for it
/// (``ShardState/isTracing``), a hand-over one, and hooks none.
extension Shard {
    /// Traces messages from here on; nil: no more.
    public func setTracing(_ settings: TraceSettings?) {
        tracing = settings.map { ShardTracing($0, seed: random.next()) }
        state.pointee.isTracing = tracing != nil
        hooks.setTracing(tracing)
        state.pointee.observesPublishes = observesPublishes(hooks.table)
    }

    /// Whether publishing takes the way of ``Shard/publish(_:_:)`` on which it is looked at.
    func observesPublishes(_ table: HookTable) -> Bool {
        table.hasMsgRoute || table.notifies(HL_HOOK_NOTIFY_PUBLISHED) || state.pointee.isTracing
    }

    /// One PUBLISH of a client, or its resumption after a plugin has answered later.
    @inline(never)
    func decideTraced(
        _ connection: ConnectionRef, _ message: PublishedRef, _ inbound: InboundFrame, _ header: PublishHeader,
        from stage: PublishStage
    ) {
        guard let tracing else {
            decide(connection, message, inbound, header, from: stage)
            return
        }
        if stage != .received {
            // Whoever resumed it knows its trace, and ends it.
            tracing.current?.lend(to: message)
            decide(connection, message, inbound, header, from: stage)
            return
        }
        // Before hooks see it, it is given the next id (``introduce(_:_:)``): the same one as here.
        message.pointee.id =
            state.pointee.hooksSeeMessages ? state.pointee.nextMessageID &+ 1 : state.pointee.makeMessageID()
        withTrace(tracing.begin(message) { attributes(of: message.pointee, from: connection) }) {
            decide(connection, message, inbound, header, from: stage)
        }
    }

    /// A message that no PUBLISH packet brought: a will, or what a plugin publishes.
    @inline(never)
    func publishTraced(_ message: PublishedRef, _ entry: UnsafeMutablePointer<TopicEntry>) -> Bool {
        guard let tracing, message.pointee.origin != .client, tracing.current?.messageID != message.pointee.id else {
            return publishObserved(message, entry)
        }
        if message.pointee.id == 0 { message.pointee.id = state.pointee.makeMessageID() }
        return withTrace(tracing.begin(message) { attributes(of: message.pointee, from: nil) }) {
            publishObserved(message, entry)
        }
    }

    /// A message that another shard has taken.
    @inline(never)
    func deliverTraced(_ message: PublishedMessage, _ body: () -> Void) {
        guard let tracing, let trace = tracing.follow(message) else { return body() }
        withTrace(trace, body)
    }

    /// Goes on with a message that has waited for a plugin; ends what is traced of it, unless it waits again.
    func resumeTraced(_ trace: MessageTrace?, _ body: () -> Void) {
        guard tracing != nil, let trace else { return body() }
        trace.isHeld = false
        withTrace(trace, body)
    }

    /// The trace of the message at hand, which from now on waits for a plugin.
    func holdTrace() -> MessageTrace? {
        tracing?.current?.isHeld = true
        return tracing?.current
    }

    /// Runs `body`, which handles one message; then the message has its spans.
    private func withTrace<Result>(_ trace: MessageTrace?, _ body: () -> Result) -> Result {
        guard let tracing else { return body() }
        let outer = tracing.current
        tracing.current = trace
        let rowsBefore = rows.count
        let result = body()
        tracing.current = outer
        guard let trace else { return result }
        if rows.count > rowsBefore { tracing.awaitCommit(gates.ticket, of: trace) }
        tracing.finish(trace)
        return result
    }

    // MARK: Deliveries

    /// As ``deliverHere(_:_:)``, with a span for every receiver.
    @inline(never)
    func deliverHereTraced(_ message: PublishedRef, _ entry: UnsafeMutablePointer<TopicEntry>) -> Bool {
        if let trace = tracing?.current, trace.messageID == message.pointee.id { trace.lendContext(to: message) }
        let result = state.pointee.tree.match(entry)
        if result.pointee.isEmpty, !state.pointee.routesMessages || route == nil { return false }
        state.pointee.templates.reset()
        var made: MessageRef?
        let first = state.pointee.inspectsDelivery ? screen(result, message, entry) : .goOn
        if first == .goOn {
            for index in result.pointee.targets.indices {
                let target = result.pointee.targets.baseAddress.unsafelyUnwrapped + index
                deliverTraced(target, result, message, entry, &made)
            }
        } else {
            deliverInspected(result, message, entry, after: first, &made)
        }
        if result.pointee.groups.count > 0 { deliverToGroups(result, message.pointee, entry, &made) }
        made?.release()
        return true
    }

    /// One message to one target.
    @inline(never)
    func deliverTraced(
        _ target: UnsafeMutablePointer<Target>, _ result: UnsafePointer<MatchResult>, _ message: PublishedRef,
        _ entry: UnsafeMutablePointer<TopicEntry>, _ made: inout MessageRef?
    ) {
        if target.pointee.sessionID == message.pointee.publisher, target.pointee.publisherQoS == Target.noReceiver {
            return
        }
        let session = target.pointee.session.assumingMemoryBound(to: Session.self)
        traceDelivery(session, message.pointee.id, qos: min(message.pointee.qos, target.pointee.qos)) {
            deliver(target, result, message, entry, &made)
        }
    }

    /// Runs `body`, which sends a message to a session, drops it or puts it into its queue; with a span of that when
    /// the message is traced.
    func traceDelivery(_ session: SessionRef, _ messageID: UInt64, qos: UInt8, _ body: () -> Void) {
        guard let tracing, let trace = tracing.current, trace.messageID == messageID else { return body() }
        let (began, waiting) = (tracing.time, session.pointee.queue.count)
        trace.dropped = nil
        body()
        var attributes: [MessageSpan.Attribute] = [
            .init("messaging.client.id", session.pointee.clientID), .init("mqtt.qos", "\(qos)"),
        ]
        if let reason = trace.dropped { attributes.append(.init("error.type", reason.word)) }
        trace.add(
            session.pointee.queue.count > waiting ? .queue : .deliver, spanID: tracing.makeID(), from: began,
            to: tracing.time, attributes, hasFailed: trace.dropped != nil)
        trace.dropped = nil
    }

    /// A message from a queue is sent: the wait is between this span and the one that put it there.
    func traceQueued(_ session: SessionRef, _ message: PublishedMessage, qos: UInt8, _ body: () -> Void) {
        guard let tracing, let trace = tracing.follow(message) else { return body() }
        withTrace(trace) { traceDelivery(session, message.id, qos: qos, body) }
    }

    private func attributes(
        of message: PublishedMessage, from connection: ConnectionRef?
    ) -> [MessageSpan.Attribute] {
        var attributes: [MessageSpan.Attribute] = [
            .init("messaging.system", "mqtt"), .init("messaging.destination.name", message.topic),
            .init("messaging.message.id", "\(message.id)"),
            .init("messaging.message.body.size", "\(message.payload.count)"), .init("mqtt.qos", "\(message.qos)"),
        ]
        if let connection {
            attributes.append(.init("messaging.client.id", connection.extras.identity.clientID))
            attributes.append(.init("network.protocol.version", connection.pointee.version.description))
            attributes.append(.init("hookline.listener", connection.extras.identity.listener))
        } else {
            attributes.append(.init("hookline.origin", message.origin == .will ? "will" : "plugin"))
        }
        return attributes
    }
}
