import MQTTCodec

/// What a connection was doing when a plugin said that it would answer later.
struct PendingStage {
    enum Work {
        /// CONNECT, decoded.
        case connect(Connect)
        /// A step of an enhanced authentication.
        case exchange
        /// A PUBLISH packet, copied, and how far it had come.
        case publish(frame: [UInt8], bodyOffset: Int, stage: PublishStage)
        /// SUBSCRIBE, at one of its filters.
        case subscribe(SubscribeProgress)
    }
    let token: UInt64
    let work: Work
}
