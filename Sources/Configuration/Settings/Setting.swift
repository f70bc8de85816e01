import PositionedYAML

/// One row of the settings table: everything about one key, in one place.
public struct Setting: Sendable {
    /// Whether this version of the broker does what the key says.
    public enum Availability: Hashable, Sendable {
        case now
        /// The key is known and refused; the text says what is missing, as the end of "...: ".
        case later(String)
    }

    /// Place in the file, such as `broker.limits.max_packet_size`.
    public let path: String
    /// Type and range in words.
    public let type: String
    /// One line for people.
    public let help: String
    /// Whether the key may be used.
    public let availability: Availability
    /// What its values look like, for editors (`hookline config schema`).
    let shape: ValueShape
    /// The value of a configuration, as it would be written.
    let read: @Sendable (BrokerConfiguration) -> String
    /// Reads a value into a configuration.
    let write: @Sendable (YAMLNode, PathBase, inout BrokerConfiguration) throws(ValueProblem) -> Void

    /// The built-in default, as it would be written.
    public var defaultText: String { read(BrokerConfiguration()) }

    /// Last part of the path.
    public var name: String { String(path.split(separator: ".").last ?? "") }

    /// Path without its last part.
    public var section: String { path.split(separator: ".").dropLast().joined(separator: ".") }

    /// The environment variable that sets it: `HOOKLINE_BROKER__LIMITS__MAX_PACKET_SIZE`.
    public var environmentName: String { EnvironmentName.of(path: path) }

    /// The value in `settings`, as it would be written.
    public func text(in settings: BrokerConfiguration) -> String { read(settings) }
}
