internal import PluginABI

extension PluginHost {
    /// Publishes a message as the broker; queued, and run through the hooks and the routing like every message. This
    /// plugin's own `messageIn` does not see it.
    /// - Returns: false when the queue is full, the topic is not valid, or the service is not granted.
    @discardableResult
    public func publish(_ topic: String, _ payload: Span<UInt8>, qos: Int = 0, retain: Bool = false) -> Bool {
        publish(topic, payload, qos: qos, retain: retain, cause: nil)
    }

    /// As the one for bytes.
    @discardableResult
    public func publish(_ topic: String, _ payload: String, qos: Int = 0, retain: Bool = false) -> Bool {
        publish(topic, payload.utf8.span, qos: qos, retain: retain, cause: nil)
    }

    /// As the others, in answer to a call, so that plugins that answer each other are stopped after a few rounds.
    @discardableResult
    public func publish(
        _ topic: String, _ payload: String, qos: Int = 0, retain: Bool = false, inAnswerTo call: borrowing MessageCall
    ) -> Bool {
        publish(topic, payload.utf8.span, qos: qos, retain: retain, cause: call.context.raw)
    }

    private func publish(
        _ topic: String, _ payload: Span<UInt8>, qos: Int, retain: Bool, cause: UnsafeMutablePointer<hl_call>?
    ) -> Bool {
        withView(topic) { topic in
            withView(payload) { payload in
                var publication = hl_publication()
                publication.struct_size = UInt32(MemoryLayout<hl_publication>.size)
                publication.flags = retain ? HL_RETAIN : 0
                publication.topic = topic
                publication.payload = payload
                publication.qos = UInt32(clamping: qos)
                publication.cause = cause
                return raw.pointee.publish?.pointee.publish?(raw, &publication) == HL_OK
            }
        }
    }

    /// What became of a publication.
    public enum PublishOutcome: Sendable, Equatable {
        /// Routed; `matched` says whether anybody subscribes.
        case routed(matched: Bool)
        /// A plugin refused or dropped it.
        case refused(ReasonCode)
        /// The client in whose name it was to be published is not connected.
        case noSuchClient
        /// Handed out, but the store could not keep what it had to.
        case notStored
    }

    /// What became of a publication at its receivers; a shared group is one.
    public struct PublishReport: Sendable, Equatable {
        /// What became of it as a whole.
        public var outcome: PublishOutcome
        /// ``Message/id`` of the message; 0 when it was not let in.
        public var messageID: UInt64
        /// To clients that are online.
        public var sent: UInt64
        /// In sessions that are offline or have enough under way, and in groups without a free member.
        public var queued: UInt64
        /// Kept from receivers by an acl plugin.
        public var denied: UInt64
        /// Kept from receivers by a bound or a rule, which the log names.
        public var dropped: UInt64
        /// Receivers it was meant for.
        public var matched: UInt64 { sent + queued + denied + dropped }
        /// The rule that refused it, such as `acl.yaml:9`: for those who may read the rules.
        public var rule: String

        /// A report; for tests.
        public init(
            _ outcome: PublishOutcome, messageID: UInt64 = 0, sent: UInt64 = 0, queued: UInt64 = 0, denied: UInt64 = 0,
            dropped: UInt64 = 0, rule: String = ""
        ) {
            (self.outcome, self.messageID, self.sent, self.queued) = (outcome, messageID, sent, queued)
            (self.denied, self.dropped, self.rule) = (denied, dropped, rule)
        }
    }

    /// Publishes a message and says what became of it, on a worker thread.
    /// - Parameters:
    ///   - client: a connected client in whose name, and with whose rights, it is published; `nil`: the broker's.
    ///   - expiry: seconds; `nil`: never.
    /// - Returns: false when it was not taken: then `done` is not called.
    public func publish(
        _ topic: String, _ payload: [UInt8], qos: Int = 0, retain: Bool = false, expiry: UInt32? = nil,
        properties: PropertyList = PropertyList(), asClient client: String? = nil,
        done: @escaping @Sendable (PublishOutcome) -> Void
    ) -> Bool {
        let user = callbacks.add(PublishBox(host: self, body: done))
        let publication = Publication(
            topic: topic, payload: payload, qos: qos, retain: retain, expiry: expiry, properties: properties,
            client: client)
        return publish(publication, telling: user) { $0.done = PublishBox.run }
    }

    /// As the one with `done`, and says how many received it: on a worker thread, when every event loop has handed the
    /// message out and what a store must keep of it is durable. What it says may be passed on as an acknowledgement.
    /// - Returns: false when it was not taken: then `report` is not called.
    public func publish(
        _ topic: String, _ payload: [UInt8], qos: Int = 0, retain: Bool = false, expiry: UInt32? = nil,
        properties: PropertyList = PropertyList(), asClient client: String? = nil,
        report: @escaping @Sendable (PublishReport) -> Void
    ) -> Bool {
        let user = callbacks.add(ReportBox(host: self, body: report))
        let publication = Publication(
            topic: topic, payload: payload, qos: qos, retain: retain, expiry: expiry, properties: properties,
            client: client)
        return publish(publication, telling: user) { $0.report = ReportBox.run }
    }

    private func publish(
        _ given: Publication, telling user: UnsafeMutableRawPointer?, _ configure: (inout hl_publication) -> Void
    ) -> Bool {
        let status = withView(given.topic) { topic in
            withView(given.client ?? "") { client in
                withView(given.payload.span) { payload in
                    withView(given.properties.bytes.span) { properties in
                        var publication = hl_publication()
                        publication.struct_size = UInt32(MemoryLayout<hl_publication>.size)
                        publication.flags = given.retain ? HL_RETAIN : 0
                        (publication.topic, publication.payload, publication.as_client) = (topic, payload, client)
                        publication.properties = properties
                        publication.qos = UInt32(clamping: given.qos)
                        publication.expiry = given.expiry ?? 0
                        publication.user = user
                        configure(&publication)
                        return raw.pointee.publish?.pointee.publish?(raw, &publication)
                    }
                }
            }
        }
        if status != HL_OK { callbacks.remove(user) }
        return status == HL_OK
    }
}

/// What a plugin publishes.
private struct Publication {
    let topic: String
    let payload: [UInt8]
    let qos: Int
    let retain: Bool
    let expiry: UInt32?
    let properties: PropertyList
    let client: String?
}

extension PluginHost.PublishOutcome {
    fileprivate init(_ status: hl_status, _ reason: UInt32) {
        switch status {
        case HL_OK: self = .routed(matched: reason == 0)
        case HL_NOT_FOUND: self = .noSuchClient
        case HL_IO_ERROR: self = .notStored
        default: self = .refused(ReasonCode(rawValue: UInt8(clamping: reason)))
        }
    }
}

private struct PublishBox: Sendable {
    let host: PluginHost
    let body: @Sendable (PluginHost.PublishOutcome) -> Void

    static let run: hl_published_fn = { _, user, status, reason in
        guard let box = Callback<PublishBox>.of(user)?.body else { return }
        box.body(PluginHost.PublishOutcome(status, reason))
        box.host.callbacks.remove(user)
    }
}

private struct ReportBox: Sendable {
    let host: PluginHost
    let body: @Sendable (PluginHost.PublishReport) -> Void

    static let run: hl_report_fn = { _, user, report in
        guard let box = Callback<ReportBox>.of(user)?.body, let report = report?.pointee else { return }
        box.body(
            PluginHost.PublishReport(
                PluginHost.PublishOutcome(report.status, report.reason_code), messageID: report.id, sent: report.sent,
                queued: report.queued, denied: report.denied, dropped: report.dropped,
                rule: String(decoding: report.rule.buffer, as: UTF8.self)))
        box.host.callbacks.remove(user)
    }
}
