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
    }

    /// Publishes a message and says what became of it, on a worker thread.
    /// - Parameters:
    ///   - client: a connected client in whose name, and with whose rights, it is published; `nil`: the broker's.
    ///   - expiry: seconds; `nil`: never.
    /// - Returns: false when it was not taken: then `done` is not called.
    public func publish(
        _ topic: String, _ payload: [UInt8], qos: Int = 0, retain: Bool = false, expiry: UInt32? = nil,
        asClient client: String? = nil, done: @escaping @Sendable (PublishOutcome) -> Void
    ) -> Bool {
        let user = callbacks.add(PublishBox(host: self, body: done))
        let status = withView(topic) { topic in
            withView(client ?? "") { client in
                withView(payload.span) { payload in
                    var publication = hl_publication()
                    publication.struct_size = UInt32(MemoryLayout<hl_publication>.size)
                    publication.flags = retain ? HL_RETAIN : 0
                    (publication.topic, publication.payload, publication.as_client) = (topic, payload, client)
                    publication.qos = UInt32(clamping: qos)
                    publication.expiry = expiry ?? 0
                    publication.done = PublishBox.run
                    publication.user = user
                    return raw.pointee.publish?.pointee.publish?(raw, &publication)
                }
            }
        }
        if status != HL_OK { callbacks.remove(user) }
        return status == HL_OK
    }
}

private struct PublishBox: Sendable {
    let host: PluginHost
    let body: @Sendable (PluginHost.PublishOutcome) -> Void

    static let run: hl_published_fn = { _, user, status, reason in
        guard let box = Callback<PublishBox>.of(user)?.body else { return }
        switch status {
        case HL_OK: box.body(.routed(matched: reason == 0))
        case HL_NOT_FOUND: box.body(.noSuchClient)
        default: box.body(.refused(ReasonCode(rawValue: UInt8(clamping: reason))))
        }
        box.host.callbacks.remove(user)
    }
}
