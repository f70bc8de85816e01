public import MQTTCodec

/// Why a call of ``MQTTClient`` did not do what it was asked.
public enum ClientError: Error, Equatable, CustomStringConvertible {
    /// No connection: the address and the system's error number.
    case cannotConnect(address: String, errno: Int32)
    /// The broker said no in its CONNACK.
    case refused(ReasonCode)
    /// Nothing came in time.
    case timedOut(waitingFor: String)
    /// The connection is over; the reason of the DISCONNECT, if the broker sent one.
    case closed(ReasonCode?)
    /// The broker sent bytes that are no packet.
    case malformed(DecodeError)
    /// The broker sent a packet that has no place here.
    case unexpected(Packet, waitingFor: String)

    /// One sentence for a person.
    public var description: String {
        switch self {
        case .cannotConnect(let address, let errno): "cannot connect to \(address): error \(errno)"
        case .refused(let reason): "the broker refused the connection with reason code \(reason.rawValue)"
        case .timedOut(let what): "no \(what) came in time"
        case .closed(let reason?): "the broker closed the connection with reason code \(reason.rawValue)"
        case .closed(nil): "the broker closed the connection"
        case .malformed(let error): "the broker sent what is no packet: \(error)"
        case .unexpected(let packet, let what): "\(packet.type.name) instead of \(what)"
        }
    }
}
