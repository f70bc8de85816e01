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
}
