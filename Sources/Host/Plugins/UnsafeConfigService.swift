import BrokerCore
import Configuration
import PluginABI
import PositionedYAML

/// config/1 over a `ConfigTree`.
enum ConfigService {
    /// nonisolated(unsafe): written once, before anybody can see it, and constant from then on.
    nonisolated(unsafe) static let table: UnsafePointer<hl_config_v1> = {
        let table = UnsafeMutablePointer<hl_config_v1>.allocate(capacity: 1)
        var functions = hl_config_v1()
        functions.struct_size = UInt32(MemoryLayout<hl_config_v1>.size)
        addWalk(&functions)
        addValues(&functions)
        table.initialize(to: functions)
        return UnsafePointer(table)
    }()

    private static func addWalk(_ table: inout hl_config_v1) {
        table.child = { config, map, key in
            guard let node = ConfigTree.of(config)?[map] else { return HL_NO_NODE }
            let wanted = key.bytes
            for (index, name) in node.keys.enumerated() where name.bytes.elementsEqual(wanted) {
                return node.items[index]
            }
            return HL_NO_NODE
        }
        table.item = { config, list, index in
            guard let node = ConfigTree.of(config)?[list], Int(index) < node.items.count else { return HL_NO_NODE }
            return node.items[Int(index)]
        }
        table.count = { config, list in UInt32(ConfigTree.of(config)?[list]?.items.count ?? 0) }
        table.key = { config, map, index in
            guard let node = ConfigTree.of(config)?[map], Int(index) < node.keys.count else { return hl_view() }
            return node.keys[Int(index)]
        }
        table.kind = { config, node in ConfigTree.of(config)?[node]?.kind ?? HL_KIND_NONE }
        table.text = { config, node in ConfigTree.of(config)?[node]?.text ?? hl_view() }
        table.path = { config, node in ConfigTree.of(config)?[node]?.path ?? hl_view() }
        table.position = { config, node in ConfigTree.of(config)?[node]?.position ?? hl_view() }
        table.json = { config, node in
            guard let tree = ConfigTree.of(config), let yaml = tree[node]?.yaml else { return hl_view() }
            return tree.keep(JSONText(yaml).rendered)
        }
        table.refuse = { config, node, message in ConfigTree.of(config)?.refuse(node, message.text) }
    }

    private static func addValues(_ table: inout hl_config_v1) {
        table.integer = { config, node, out in
            ConfigService.read(config, node, out) { $0.integer }
        }
        table.number = { config, node, out in
            ConfigService.read(config, node, out) { yaml in
                yaml.text.flatMap { Double($0) }.flatMap { $0.isFinite ? $0 : nil }
            }
        }
        table.boolean = { config, node, out in
            ConfigService.read(config, node, out) { yaml in yaml.boolean.map { $0 ? 1 : 0 } }
        }
        table.duration = { config, node, out in
            ConfigService.read(config, node, out) { yaml in
                (try? yaml.text.map(DurationText.parse))??.wholeMilliseconds
                    .multipliedReportingOverflow(by: 1_000_000).partialValue
            }
        }
        table.size = { config, node, out in
            ConfigService.read(config, node, out) { yaml in (try? yaml.text.map(ByteSize.parse))?.map { UInt64($0) } }
        }
    }

    private static func read<Value>(
        _ config: UnsafePointer<hl_config>?, _ node: hl_node, _ out: UnsafeMutablePointer<Value>?,
        _ convert: (YAMLNode) -> Value?
    ) -> hl_status {
        guard let found = ConfigTree.of(config)?[node], found.kind != HL_KIND_NONE else { return HL_NOT_FOUND }
        guard let out, found.kind == HL_KIND_SCALAR, let value = convert(found.yaml) else { return HL_INVALID }
        out.pointee = value
        return HL_OK
    }
}
