internal import MQTTCodec
internal import PluginSDK

/// Hands messages to the broker, and says what became of them.
enum Publishing {
    /// Publishes with the rights of whoever asks: an operator's token as the broker, everybody else as the MQTT client
    /// that they log in as.
    static func publish(_ message: MessageToPublish, _ api: API, _ call: Call) async throws(Problem) -> Answer {
        try check(message, api.host)
        let client: String?
        switch call.caller {
        case .token(_, .operate): client = nil
        case .token(let name, .read): throw .forbidden("the token '\(name)' is for reading")
        case .client(let logIn, _): client = logIn.link.clientID
        case .anonymous: client = try await api.logIns.logIn(nil, peer: call.peer).link.clientID
        }
        var properties = PropertyList(
            isText: message.isText, contentType: message.contentType, responseTopic: message.responseTopic,
            correlationData: message.correlationData, user: message.user)
        let span = TraceHeaders.begin("http.publish", call, api.host, &properties)
        defer { api.host.end(span) }
        let report: PluginHost.PublishReport? = await withCheckedContinuation { continuation in
            let isTaken = api.host.publish(
                message.topic, message.payload, qos: message.qos, retain: message.retain, expiry: message.expiry,
                properties: properties, asClient: client, report: { continuation.resume(returning: $0) })
            if !isTaken { continuation.resume(returning: nil) }
        }
        guard let report else { throw .unavailable("too many messages are under way; try again in a moment") }
        return try answer(report, message, seesRules: call.caller.role != nil)
    }

    /// U+0000 to U+001F and U+007F to U+009F, which MQTT asks senders to leave out [MQTT-1.5.4-2].
    private static func hasControls(_ text: String) -> Bool {
        text.unicodeScalars.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }
    }

    private static func check(_ message: MessageToPublish, _ host: PluginHost) throws(Problem) {
        guard message.topic.utf8.count <= 65_535, host.isValidTopic(message.topic) else {
            throw .invalid("'\(message.topic)' is not a topic name")
        }
        if let topic = message.responseTopic, topic.utf8.count > 65_535 || !host.isValidTopic(topic) {
            throw .invalid("'response_topic' is not a topic name")
        }
        let texts = [message.contentType ?? ""] + message.user.flatMap { [$0.name, $0.value] }
        guard texts.allSatisfy({ $0.utf8.count <= 65_535 && !hasControls($0) }) else {
            throw .invalid("texts of properties have at most 65535 bytes and no control characters")
        }
        guard message.correlationData?.count ?? 0 <= 65_535 else {
            throw .invalid("'correlation_data' has at most 65535 bytes")
        }
        if message.isText == true, String(validating: message.payload, as: UTF8.self) == nil {
            throw .invalid("the payload is not UTF-8, but payload_format_indicator says so")
        }
    }

    private static func answer(
        _ report: PluginHost.PublishReport, _ message: MessageToPublish, seesRules: Bool
    ) throws(Problem) -> Answer {
        switch report.outcome {
        case .routed:
            var members: [(name: String, value: JSON)] = [
                ("id", .string(String(report.messageID))), ("matched", .unsigned(report.matched)),
            ]
            if report.matched == 0 {
                let reason = MQTTCodec.ReasonCode.noMatchingSubscribers
                members += [("reason_code", .count(reason.rawValue)), ("reason", .string(reason.name))]
            } else {
                members += [("sent", .unsigned(report.sent)), ("queued", .unsigned(report.queued))]
                if report.denied > 0 { members.append(("denied", .unsigned(report.denied))) }
                if report.dropped > 0 { members.append(("dropped", .unsigned(report.dropped))) }
            }
            return .json(.object(members))
        case .refused(let reason):
            throw refusal(MQTTCodec.ReasonCode(rawValue: reason.rawValue), message, rule: seesRules ? report.rule : "")
        case .noSuchClient: throw .unavailable("the broker has ended the connection; try again")
        case .notStored:
            throw Problem(
                503, "not-stored", "Not stored", "the message was handed out, but the store could not keep it")
        }
    }

    private static func refusal(
        _ reason: MQTTCodec.ReasonCode, _ message: MessageToPublish, rule: String
    ) -> Problem {
        var problem: Problem
        switch reason {
        case .notAuthorized:
            problem = Problem(
                403, "publish-denied", "Publish denied", "not authorized to publish to \(message.topic)")
        case .packetTooLarge:
            problem = Problem(413, "payload-too-large", "Payload too large", "the broker takes no message of this size")
        case .quotaExceeded, .messageRateTooHigh:
            problem = Problem(429, "too-many-requests", "Too many requests", "the broker has enough for now")
            problem.headers[.retryAfter] = "1"
        default:
            problem = Problem(
                403, "publish-refused", "Publish refused", "the broker refused the message: \(reason.name)")
        }
        problem.members = [("reason_code", .count(reason.rawValue)), ("reason", .string(reason.name))]
        if !rule.isEmpty { problem.members.append(("rule", .string(rule))) }
        return problem
    }
}
