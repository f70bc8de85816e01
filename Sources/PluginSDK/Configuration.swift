internal import PluginABI

/// The settings of one instance. The host has checked types and unknown keys against the plugin's declaration and has
/// put in the defaults. Valid until the plugin is stopped, on any thread.
public struct Configuration {
    let raw: UnsafePointer<hl_config>

    init(_ raw: UnsafePointer<hl_config>) {
        self.raw = raw
    }

    /// The whole of it: a map.
    public var root: ConfigurationNode { ConfigurationNode(configuration: raw, node: HL_ROOT) }

    /// The value of a declared key.
    public subscript(key: String) -> ConfigurationNode { root[key] }
}

/// One value of the settings; a value that is absent answers every question with nothing.
public struct ConfigurationNode {
    private let configuration: UnsafePointer<hl_config>
    let node: hl_node

    init(configuration: UnsafePointer<hl_config>, node: hl_node) {
        self.configuration = configuration
        self.node = node
    }

    private var api: hl_config_v1? { configuration.pointee.api?.pointee }

    /// What kind of value this is.
    public enum Kind: UInt32, Sendable {
        case none = 0
        case scalar = 1
        case list = 2
        case map = 3
    }

    /// `none` when the value is absent.
    public var kind: Kind { Kind(rawValue: api?.kind?(configuration, node) ?? HL_KIND_NONE) ?? .none }

    /// Value of a key of a map.
    public subscript(key: String) -> ConfigurationNode {
        let child = withView(key) { key in api?.child?(configuration, node, key) ?? HL_NO_NODE }
        return ConfigurationNode(configuration: configuration, node: child)
    }

    /// Members of a list, values of a map; empty for anything else.
    public var items: [ConfigurationNode] {
        let count = api?.count?(configuration, node) ?? 0
        return (0..<count).map { index in
            let item = api?.item?(configuration, node, index) ?? HL_NO_NODE
            return ConfigurationNode(configuration: configuration, node: item)
        }
    }

    /// Keys of a map, in the order of `items`.
    public var keys: [String] {
        guard kind == .map else { return [] }
        let count = api?.count?(configuration, node) ?? 0
        return (0..<count).map { index in api?.key?(configuration, node, index).string ?? "" }
    }

    /// A scalar as it was written; empty when absent.
    public var text: String { api?.text?(configuration, node).string ?? "" }

    /// A path, made absolute against the folder of plugins.yaml; empty when absent.
    public var path: String { api?.path?(configuration, node).string ?? "" }

    /// `nil` when absent or no integer.
    public var integer: Int64? { read(0) { $0.integer?($1, $2, &$3) } }

    /// `nil` when absent or neither `true` nor `false`.
    public var boolean: Bool? { read(0) { $0.boolean?($1, $2, &$3) }.map { $0 != 0 } }

    /// Nanoseconds; `nil` when absent or no duration.
    public var duration: Int64? { read(0) { $0.duration?($1, $2, &$3) } }

    /// Bytes; `nil` when absent or no size.
    public var size: UInt64? { read(0) { $0.size?($1, $2, &$3) } }

    /// "plugins.yaml:24:17".
    public var position: String { api?.position?(configuration, node).string ?? "" }

    private func read<Value>(
        _ empty: Value,
        _ body: (hl_config_v1, UnsafePointer<hl_config>, hl_node, inout Value) -> hl_status?
    ) -> Value? {
        var value = empty
        guard let api, body(api, configuration, node, &value) == HL_OK else { return nil }
        return value
    }
}

/// Something a plugin does not accept in its settings; the host shows it with the place.
public struct ConfigurationFault: Sendable {
    let node: hl_node
    let message: String

    /// - Parameters:
    ///   - node: where.
    ///   - message: what is wrong and what to write instead.
    public init(_ node: ConfigurationNode, _ message: String) {
        self.node = node.node
        self.message = message
    }
}
