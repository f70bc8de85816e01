// The words by which logs, notifications and statistics name what happened. A word keeps its meaning once released.

extension DisconnectCause {
    /// Such as `keepalive_timeout`.
    public var word: String {
        switch self {
        case .clientDisconnect: "client_disconnect"
        case .connectionLost: "connection_lost"
        case .keepAliveTimeout: "keepalive_timeout"
        case .connectTimeout: "connect_timeout"
        case .takenOver: "taken_over"
        case .protocolViolation: "protocol_violation"
        case .refused: "refused"
        case .credentialsExpired: "credentials_expired"
        case .kicked: "kicked"
        case .shutdown: "shutdown"
        case .limit: "limit"
        }
    }

    /// Index into ``words``.
    public var number: Int { Self.words.firstIndex(of: word) ?? 0 }

    /// Every ``word``.
    public static let words = [
        "client_disconnect", "connection_lost", "keepalive_timeout", "connect_timeout", "taken_over",
        "protocol_violation", "refused", "credentials_expired", "kicked", "shutdown", "limit",
    ]

    /// A sentence where there is more to say than the word; else empty.
    public var detail: String {
        switch self {
        case .protocolViolation(let detail), .refused(let detail), .limit(let detail): detail
        case .connectTimeout: "no CONNECT or AUTH came in time [section 3.1.4]"
        case .keepAliveTimeout: "nothing came for 1.5 times the keep alive [MQTT-3.1.2-22][v3 MQTT-3.1.2-24]"
        case .clientDisconnect, .connectionLost, .takenOver, .credentialsExpired, .kicked, .shutdown: ""
        }
    }
}

extension DropReason {
    /// Such as `queue_full`.
    public var word: String {
        switch self {
        case .queueFull: "queue_full"
        case .outputFull: "output_full"
        case .expired: "expired"
        case .packetTooLarge: "packet_too_large"
        case .offlineQoS0: "offline_qos0"
        case .deliverDenied: "deliver_denied"
        case .noSharedMember: "no_shared_member"
        case .retainedLimit: "retained_limit"
        case .pluginDropped: "plugin_dropped"
        case .publishDenied: "publish_denied"
        case .rateLimited: "rate_limited"
        case .sessionEnded: "session_ended"
        }
    }
}

extension WillOutcome {
    /// Such as `published`.
    public var word: String {
        switch self {
        case .none: "none"
        case .published: "published"
        case .delayed: "delayed"
        case .discarded: "discarded"
        }
    }
}
