import BrokerCore
import Configuration

extension BrokerSettings {
    /// The core's settings as configured. Ranges were checked when the configuration was read.
    init(_ configuration: BrokerConfiguration) {
        self.init()
        let (limits, session, mqtt) = (configuration.limits, configuration.session, configuration.mqtt)
        maximumPacketSize = limits.maxPacketSize
        maximumConnectSize = limits.maxConnectSize
        maximumPayloadSize = limits.maxPayloadSize
        maximumTopicLevels = limits.maxTopicLevels
        maximumSubscriptionsPerSession = limits.maxSubscriptions
        maximumRetainedMessages = limits.maxRetainedMessages
        maximumRetainedBytes = limits.maxRetainedBytes
        maximumOutputBytes = limits.maxOutputBytes
        connectTimeout = limits.connectTimeout.nanoseconds
        maximumTopicLength = limits.maxTopicLength
        maximumSessions = limits.maxSessions
        maximumMessageRate = limits.maxMessageRate.map { ClientRate($0, burst: limits.rateBurst) }
        maximumByteRate = limits.maxByteRate.map { ClientRate($0, burst: limits.rateBurst) }
        ratePolicy =
            switch limits.onRateExceeded {
            case .pause: .pause
            case .drop: .drop
            case .disconnect: .disconnect
            }
        maximumSessionExpiry = UInt32(clamping: session.maxExpiryInterval.wholeSeconds)
        maximumInflight = session.maxInflight
        receiveMaximum = mqtt.receiveMaximum
        maximumQueuedMessages = session.maxQueuedMessages
        maximumQueuedBytes = session.maxQueuedBytes
        queueFullPolicy =
            switch session.onQueueFull {
            case .deadLetter: .deadLetter
            case .refuse: .refuse
            case .pause: .pause
            }
        duplicateClientPolicy =
            switch session.duplicateClientID {
            case .takeover: .takeover
            case .refuse: .refuse
            }
        maximumQoS = UInt8(clamping: mqtt.maxQoS)
        retainAvailable = mqtt.retainAvailable
        maximumTopicAlias = UInt16(clamping: mqtt.maxTopicAlias)
        maximumKeepAlive = UInt16(clamping: mqtt.maxKeepAlive.wholeSeconds)
        serverKeepAlive = UInt16(clamping: mqtt.serverKeepAlive.wholeSeconds)
    }
}

extension ClientRate {
    fileprivate init(_ rate: Rate, burst: Duration) {
        self.init(count: rate.count, interval: rate.interval.nanoseconds, burst: burst.nanoseconds)
    }
}

extension Duration {
    /// Nanoseconds, clamped to Int64.
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (nanoseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? (seconds < 0 ? .min : .max) : nanoseconds &+ attoseconds / 1_000_000_000
    }
}
