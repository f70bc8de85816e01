import Glibc
import MQTTCodec
import Testing

/// What a case runs against: a version of the protocol, and one of two brokers.
struct Wire: CustomTestStringConvertible, Sendable {
    /// How the case reaches a broker.
    enum Carrier: String, CaseIterable {
        /// `hookline-host` as a process of its own, over TCP.
        case tcp
        /// `BrokerCore` in this process, without sockets and with a clock the case moves.
        case core
    }

    let version: ProtocolVersion
    let carrier: Carrier

    var testDescription: String { "MQTT \(version), \(carrier)" }

    /// Both versions, both brokers: what most cases take.
    static let all = v3 + v5
    /// 3.1.1, both brokers.
    static let v3 = carriers.map { Wire(version: .v3_1_1, carrier: $0) }
    /// 5.0, both brokers.
    static let v5 = carriers.map { Wire(version: .v5_0, carrier: $0) }
    /// Both, or the one that `HOOKLINE_CARRIER` names: coverage of the core is measured without the other process.
    static let carriers =
        getenv("HOOKLINE_CARRIER").map { name in
            Carrier.allCases.filter { $0.rawValue == String(cString: name) }
        } ?? Carrier.allCases
    /// Both versions where the case moves the clock.
    static let clock = v3Clock + v5Clock
    static let v3Clock = [Wire(version: .v3_1_1, carrier: .core)]
    static let v5Clock = [Wire(version: .v5_0, carrier: .core)]
}

/// The bytes between a client of the case and the broker.
protocol Link: AnyObject {
    /// Sends everything. A connection that the broker has closed swallows it.
    func send(_ bytes: [UInt8])
    /// Bytes the broker sent: at least one, or none when it has closed the connection. Nil: it stays silent.
    func receive() -> [UInt8]?
    /// Breaks the connection without a DISCONNECT; returns when the broker has noticed.
    func cut()
}

/// A broker that takes connections.
protocol Carried: AnyObject {
    func open() throws -> any Link
    func advance(seconds: Double)
}

/// The broker did not do what the case asks for.
struct Unmet: Error, CustomStringConvertible {
    let description: String

    init(_ text: String, line: UInt) { description = "line \(line): \(text)" }
}

extension String {
    /// The UTF-8 bytes, as packets carry them.
    var bytes: [UInt8] { Array(utf8) }
}

extension [UInt8] {
    var text: String { String(decoding: self, as: UTF8.self) }
}
