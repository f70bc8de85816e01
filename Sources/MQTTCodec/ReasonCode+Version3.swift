/// MQTT 3.1.1 has one byte codes in CONNACK and SUBACK only; here they are translated to and from Reason Codes, so that
/// the rest of the broker knows one set.
extension ReasonCode {
    /// The Connect Return Code of MQTT 3.1.1 (table 3.1) that says the same, or nil when there is none: then the
    /// Network Connection is closed without a CONNACK [MQTT-3.2.2-6].
    public var connectReturnCode: UInt8? {
        switch self {
        case .success: 0
        case .unsupportedProtocolVersion: 1
        case .clientIdentifierNotValid: 2
        case .serverUnavailable, .serverBusy, .quotaExceeded, .useAnotherServer, .serverMoved,
            .connectionRateExceeded:
            3
        case .badUserNameOrPassword, .badAuthenticationMethod: 4
        case .notAuthorized, .banned: 5
        default: nil
        }
    }

    /// The Reason Code for a Connect Return Code of MQTT 3.1.1; nil for the reserved values 6 to 255.
    public init?(connectReturnCode: UInt8) {
        switch connectReturnCode {
        case 0: self = .success
        case 1: self = .unsupportedProtocolVersion
        case 2: self = .clientIdentifierNotValid
        case 3: self = .serverUnavailable
        case 4: self = .badUserNameOrPassword
        case 5: self = .notAuthorized
        default: return nil
        }
    }

    /// The return code of a 3.1.1 SUBACK: the granted QoS, or 0x80 for every failure [MQTT-3.9.3-2].
    public var subscribeReturnCode: UInt8 { isError ? 0x80 : rawValue }
}
