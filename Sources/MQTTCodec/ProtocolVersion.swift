/// A version of MQTT this codec speaks. The raw value is the Protocol Level (3.1.1) or Protocol Version (5.0) byte of
/// CONNECT.
public enum ProtocolVersion: UInt8, Sendable, Hashable, CaseIterable {
    /// MQTT 3.1.1, OASIS Standard of 29 October 2014.
    case v3_1_1 = 4
    /// MQTT 5.0, OASIS Standard of 7 March 2019.
    case v5_0 = 5
}

extension ProtocolVersion: CustomStringConvertible {
    /// The number people use for the version: "3.1.1" or "5.0".
    public var description: String {
        switch self {
        case .v3_1_1: "3.1.1"
        case .v5_0: "5.0"
        }
    }
}

/// Which end of a Network Connection sent the packet that is being read. Some packets, properties and reason codes may
/// travel in one direction only.
public enum PacketRole: UInt8, Sendable, Hashable, CaseIterable {
    /// The bytes were written by a Client: what a Server reads.
    case fromClient
    /// The bytes were written by a Server: what a Client reads.
    case fromServer
}
