import Configuration
import Glibc
import Locking
import PluginABI
import PositionedYAML

/// The settings of one instance, laid out for config/1: every text, path and position stands in memory that lives as
/// long as this object.
///
/// @unchecked Sendable: built in `init`, immutable afterwards but for what is behind the mutex; `handle` is only read
/// by plugins, and its `prepared` is set by the loader before anybody else sees it.
final class ConfigTree: @unchecked Sendable {
    struct Node {
        let yaml: YAMLNode
        let kind: UInt32
        let text: hl_view
        let path: hl_view
        let position: hl_view
        var items: [hl_node] = []
        var keys: [hl_view] = []
    }

    private struct Later {
        /// Addresses of what `malloc` gave.
        var texts: [UInt] = []
        var faults: [ConfigurationError] = []
    }

    let handle: UnsafeMutablePointer<hl_config>
    private(set) var nodes: [Node] = []
    private let instance: String
    private let paths: PathBase
    private let later = Locked(Later())

    /// - Parameters:
    ///   - instance: its id, for messages.
    ///   - owner: the instance's `hl_self`.
    init(
        _ settings: PluginSettings, instance: String, owner: UnsafeMutablePointer<hl_self>, paths: PathBase
    ) {
        self.instance = instance
        self.paths = paths
        handle = .allocate(capacity: 1)
        var config = hl_config()
        config.struct_size = UInt32(MemoryLayout<hl_config>.size)
        config.api = ConfigService.table
        config.`self` = owner
        handle.initialize(to: config)
        handle.pointee.host = Unmanaged.passUnretained(self).toOpaque()
        _ = add(settings.root)
    }

    deinit {
        handle.deallocate()
        later.withLock { later in
            for text in later.texts { free(UnsafeMutableRawPointer(bitPattern: text)) }
        }
    }

    /// The tree behind a `hl_config`.
    static func of(_ config: UnsafePointer<hl_config>?) -> ConfigTree? {
        guard let host = config?.pointee.host else { return nil }
        return Unmanaged<ConfigTree>.fromOpaque(host).takeUnretainedValue()
    }

    /// A node by number; nil for `HL_NO_NODE` and everything else that is none.
    subscript(node: hl_node) -> Node? {
        Int(node) < nodes.count ? nodes[Int(node)] : nil
    }

    /// Everything the plugin refused since the last call.
    func takeFaults() -> [ConfigurationError] {
        later.withLock { later in
            defer { later.faults = [] }
            return later.faults
        }
    }

    func refuse(_ node: hl_node, _ message: String) {
        let place = (self[node] ?? nodes[0]).yaml.position
        later.withLock { $0.faults.append(ConfigurationError(.plugin(id: instance, message), at: place)) }
    }

    /// A copy of a text that lives as long as the tree.
    func keep(_ text: String) -> hl_view {
        var text = text
        return text.withUTF8 { bytes in
            guard !bytes.isEmpty, let copy = malloc(bytes.count) else { return hl_view() }
            UnsafeMutableRawBufferPointer(start: copy, count: bytes.count).copyMemory(
                from: UnsafeRawBufferPointer(bytes))
            let address = UInt(bitPattern: copy)
            later.withLock { $0.texts.append(address) }
            return hl_view(ptr: UnsafePointer(copy.assumingMemoryBound(to: UInt8.self)), len: UInt64(bytes.count))
        }
    }

    /// Adds a node and what is below it; returns its number.
    private func add(_ yaml: YAMLNode) -> hl_node {
        let number = nodes.count
        let text = yaml.text
        nodes.append(
            Node(
                yaml: yaml, kind: ConfigTree.kind(yaml), text: text.map(keep) ?? hl_view(),
                path: text.map { keep(paths.resolve($0, at: yaml.position)) } ?? hl_view(),
                position: keep(yaml.position.description)))
        for element in yaml.elements ?? [] {
            let item = add(element)
            nodes[number].items.append(item)
        }
        for entry in yaml.entries ?? [] {
            let item = add(entry.value)
            nodes[number].items.append(item)
            nodes[number].keys.append(keep(entry.name))
        }
        return hl_node(number)
    }

    private static func kind(_ yaml: YAMLNode) -> UInt32 {
        switch yaml.content {
        case .sequence: HL_KIND_LIST
        case .mapping: HL_KIND_MAP
        case .scalar: yaml.isNull ? HL_KIND_NONE : HL_KIND_SCALAR
        }
    }
}
