import MQTTCodec

/// What a connection was doing when a plugin said that it would answer later.
struct PendingStage {
    enum Work {
        /// CONNECT, decoded.
        case connect(Connect)
        /// A step of an enhanced authentication.
        case exchange
        /// The certificate of a TLS client, before CONNECT.
        case peer
        /// The will of a CONNECT.
        case will(Connect)
        /// The session of a client that was let in.
        case session(Connect)
        case publish(HeldPublish)
        /// A PUBLISH whose topic a plugin has edited.
        case edited(DetachedMessage, packetID: UInt16)
        /// SUBSCRIBE, at one of its filters.
        case subscribe(SubscribeProgress)
    }
    let token: UInt64
    let work: Work
}

/// A PUBLISH packet, copied, and how far it had come.
struct HeldPublish {
    let frame: [UInt8]
    let bodyOffset: Int
    let stage: PublishStage
    /// Host clock ns: its life is counted from here.
    let received: Int64
    let id: UInt64
    /// Its trace, if it is recorded.
    var trace: MessageTrace?
}
