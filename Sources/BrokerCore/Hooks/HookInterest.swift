import PluginABI

/// Which calls of a hook a plugin wants (`hl_interest`, copied). Empty lists and zero masks mean "all".
public struct HookInterest: Sendable {
    /// Topic filters, valid by MQTT's grammar.
    public var filters: [[UInt8]] = []
    /// Names of listeners in plugins.yaml.
    public var listeners: [[UInt8]] = []
    /// Bits `1 << HL_ORIGIN_*`; 0 = all.
    public var origins: UInt32 = 0
    /// Bits `1 << qos`; 0 = all.
    public var qosMask: UInt32 = 0
    /// One event in so many; notify hooks only. At least 1.
    public var sampling: UInt32 = 1
    /// The hook may answer later, and its input is copied for that.
    public var mayPend = false
    /// The payload is looked at: else copies of the input may lack it.
    public var needsPayload = true
    /// The same for the properties.
    public var needsProperties = true
    /// Messages the same instance published are shown too.
    public var includesOwnPublishes = false
    /// Nanoseconds an answer may take; 0 = the default of the hook.
    public var deadline: Int64 = 0

    /// Every call.
    public init() {}

    /// Whether one of the filters matches a topic name; true without filters.
    func matches(topic: UnsafeRawBufferPointer) -> Bool {
        guard !filters.isEmpty else { return true }
        return filters.contains { filter in
            filter.withUnsafeBytes { TopicFilter.matches(filter: $0, topic: topic) }
        }
    }
}

/// What a shard needs beside `HookSlot` when an entry is not interested in everything. Immutable.
final class HookRules: Sendable {
    let interest: HookInterest
    init(_ interest: HookInterest) { self.interest = interest }

    func hasListener(_ name: hl_view) -> Bool {
        let bytes = name.bytes
        return interest.listeners.contains { $0.elementsEqual(bytes) }
    }
}
