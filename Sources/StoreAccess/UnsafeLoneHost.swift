import Configuration
import Glibc
import Locking
import PluginABI

/// The host's end for one plugin without a broker: core/1, log/1, provide/1 and its settings. Lives until the process
/// ends, for plugins may keep pointers to it.
///
/// @unchecked Sendable: `instance` and `configuration` are written by init only; `said` is behind a lock; `offers` is
/// written while start runs, and read after it, by the thread that called it.
final class UnsafeLoneHost: @unchecked Sendable {
    struct Offer { let table: UnsafeRawPointer, state: UnsafeMutableRawPointer? }

    let instance = UnsafeMutablePointer<hl_self>.allocate(capacity: 1)
    let configuration = UnsafeMutablePointer<hl_config>.allocate(capacity: 1)
    fileprivate(set) var offers: [String: Offer] = [:]
    fileprivate let said = Locked<[String]>([])
    /// Declared settings and their values, in the order of declaration; node = place + 1.
    fileprivate private(set) var settings: [(name: String, text: UnsafeLoneText)] = []

    /// What the plugin has complained about.
    var complaints: String { said.withLock { $0.joined(separator: "; ") } }

    /// - Parameter given: values of settings; the others have their defaults.
    init(_ description: UnsafePointer<hl_plugin_desc>, _ given: [String: String]) throws(StoreError) {
        try checkServices(description)
        readSettings(description, given)
        for name in given.keys where !settings.contains(where: { $0.name == name }) {
            throw StoreError(HL_INVALID, "the plugin has no setting '\(name)'")
        }
        let this = Unmanaged.passRetained(self).toOpaque()
        instance.initialize(to: hl_self())
        instance.pointee.struct_size = UInt32(MemoryLayout<hl_self>.size)
        instance.pointee.name = UnsafeLoneText("tool").view
        instance.pointee.generation = 1
        instance.pointee.shard_count = 1
        instance.pointee.host = this
        instance.pointee.core = UnsafeLoneTables.core
        instance.pointee.log = UnsafeLoneTables.log
        instance.pointee.provide = UnsafeLoneTables.provide
        configuration.initialize(to: hl_config())
        configuration.pointee.struct_size = UInt32(MemoryLayout<hl_config>.size)
        configuration.pointee.api = UnsafeLoneTables.config
        configuration.pointee.`self` = instance
        configuration.pointee.host = this
    }

    private func checkServices(_ description: UnsafePointer<hl_plugin_desc>) throws(StoreError) {
        guard var name = description.pointee.required_services else { return }
        while let text = name.pointee {
            let service = String(cString: text)
            guard ["log/1", "provide/1"].contains(service) else {
                throw StoreError(
                    HL_UNAVAILABLE, "the plugin cannot run without a broker",
                    "it requires \(service); a store may require log/1 and provide/1 only")
            }
            name += 1
        }
    }

    private func readSettings(_ description: UnsafePointer<hl_plugin_desc>, _ given: [String: String]) {
        guard var raw = UnsafeRawPointer(description.pointee.config_keys) else { return }
        let stride = Int(description.pointee.config_key_stride)
        while stride > 0, let name = raw.load(as: hl_config_key.self).name {
            let key = raw.load(as: hl_config_key.self)
            let text = given[String(cString: name)] ?? key.default_text.map { String(cString: $0) }
            if let text { settings.append((String(cString: name), UnsafeLoneText(text))) }
            raw += stride
        }
    }

    static func withProbe<Result>(_ body: (UnsafePointer<hl_host_probe>) -> Result) -> Result {
        "hookline".withCString { name in
            HooklineVersion.text.withCString { version in
                "linux".withCString { target in
                    var probe = hl_host_probe()
                    probe.struct_size = UInt32(MemoryLayout<hl_host_probe>.size)
                    (probe.abi_major, probe.abi_minor) = (HL_ABI_MAJOR, HL_ABI_MINOR)
                    (probe.host_name, probe.host_version, probe.target) = (name, version, target)
                    probe.get_service = { _, _ in nil }
                    return body(&probe)
                }
            }
        }
    }

    fileprivate static func of(_ handle: UnsafeMutablePointer<hl_self>?) -> UnsafeLoneHost? {
        handle?.pointee.host.map { Unmanaged<UnsafeLoneHost>.fromOpaque($0).takeUnretainedValue() }
    }

    fileprivate static func of(_ configuration: UnsafePointer<hl_config>?) -> UnsafeLoneHost? {
        configuration?.pointee.host.map { Unmanaged<UnsafeLoneHost>.fromOpaque($0).takeUnretainedValue() }
    }

    fileprivate func text(_ node: hl_node) -> UnsafeLoneText? {
        node >= 1 && Int(node) <= settings.count ? settings[Int(node) - 1].text : nil
    }
}

/// Text with an address, never freed.
struct UnsafeLoneText {
    let string: String
    let view: hl_view

    init(_ string: String) {
        self.string = string
        let bytes = Array(string.utf8)
        let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count + 1)
        copy.initialize(from: bytes, count: bytes.count)
        view = hl_view(ptr: UnsafePointer(copy), len: UInt64(bytes.count))
    }
}

extension hl_view {
    /// A copy, with U+FFFD for what is not UTF-8.
    var loneText: String {
        String(decoding: UnsafeBufferPointer(start: ptr, count: ptr == nil ? 0 : Int(len)), as: UTF8.self)
    }
}

/// nonisolated(unsafe), all of them: written once, before anybody reads them, and never freed.
private enum UnsafeLoneTables {
    nonisolated(unsafe) static let core: UnsafePointer<hl_core_v1> = {
        var table = hl_core_v1()
        table.struct_size = UInt32(MemoryLayout<hl_core_v1>.size)
        table.alloc = { _, size in calloc(1, Int(max(size, 1))) }
        table.register_hook = { _, _, _, _, _ in HL_OK }
        table.update_interest = { _, _, _ in HL_OK }
        table.hook_status = { _, _ in HL_OK }
        table.get_service = { _, name in
            switch name.loneText {
            case "log/1": UnsafeRawPointer(UnsafeLoneTables.log)
            case "provide/1": UnsafeRawPointer(UnsafeLoneTables.provide)
            default: nil
            }
        }
        table.complete = { _, _, _, _ in HL_STALE }
        table.set_health = { _, _, _ in }
        table.fail = { handle, message in UnsafeLoneHost.of(handle)?.said.withLock { $0.append(message.loneText) } }
        return keep(table)
    }()

    nonisolated(unsafe) static let log: UnsafePointer<hl_log_v1> = {
        var table = hl_log_v1()
        table.struct_size = UInt32(MemoryLayout<hl_log_v1>.size)
        table.enabled = { _, level in level <= HL_LOG_WARN ? 1 : 0 }
        table.write = { _, level, event, message, _, _ in
            guard level <= HL_LOG_WARN else { return }
            let line = Array("\(event.loneText): \(message.loneText)\n".utf8)
            _ = write(STDERR_FILENO, line, line.count)
        }
        return keep(table)
    }()

    nonisolated(unsafe) static let provide: UnsafePointer<hl_provide_v1> = {
        var table = hl_provide_v1()
        table.struct_size = UInt32(MemoryLayout<hl_provide_v1>.size)
        table.offer = { handle, name, table, state in
            guard let host = UnsafeLoneHost.of(handle), let table else { return HL_INVALID }
            host.offers[name.loneText] = UnsafeLoneHost.Offer(table: table, state: state)
            return HL_OK
        }
        table.acquire = { _, _, _ in HL_NOT_FOUND }
        table.release = { _, _ in }
        return keep(table)
    }()

    nonisolated(unsafe) static let config: UnsafePointer<hl_config_v1> = {
        var table = hl_config_v1()
        table.struct_size = UInt32(MemoryLayout<hl_config_v1>.size)
        table.child = { configuration, node, key in
            guard node == HL_ROOT, let host = UnsafeLoneHost.of(configuration) else { return HL_NO_NODE }
            let name = key.loneText
            return host.settings.firstIndex { $0.name == name }.map { hl_node($0 + 1) } ?? HL_NO_NODE
        }
        table.item = { _, _, _ in HL_NO_NODE }
        table.count = { _, _ in 0 }
        table.key = { _, _, _ in hl_view() }
        table.kind = { configuration, node in
            if node == HL_ROOT { return HL_KIND_MAP }
            return UnsafeLoneHost.of(configuration)?.text(node) == nil ? HL_KIND_NONE : HL_KIND_SCALAR
        }
        table.text = { UnsafeLoneHost.of($0)?.text($1)?.view ?? hl_view() }
        table.path = { UnsafeLoneHost.of($0)?.text($1)?.view ?? hl_view() }
        table.position = { _, _ in UnsafeLoneText("settings").view }
        table.json = { _, _ in UnsafeLoneText("{}").view }
        table.refuse = { configuration, node, message in
            UnsafeLoneHost.of(configuration)?.said.withLock { $0.append(message.loneText) }
        }
        addNumbers(&table)
        return keep(table)
    }()

    private static func addNumbers(_ table: inout hl_config_v1) {
        table.integer = { configuration, node, out in UnsafeLoneTables.read(configuration, node, out) { Int64($0) } }
        table.number = { configuration, node, out in UnsafeLoneTables.read(configuration, node, out) { Double($0) } }
        table.boolean = { configuration, node, out in
            UnsafeLoneTables.read(configuration, node, out) { ["true": 1, "false": 0][$0] }
        }
        table.duration = { configuration, node, out in
            UnsafeLoneTables.read(configuration, node, out) { text in
                guard let duration = try? DurationText.parse(text) else { return nil }
                let (seconds, attoseconds) = duration.components
                return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
            }
        }
        table.size = { configuration, node, out in
            UnsafeLoneTables.read(configuration, node, out) { text in (try? ByteSize.parse(text)).map { UInt64($0) } }
        }
    }

    private static func read<Value>(
        _ configuration: UnsafePointer<hl_config>?, _ node: hl_node, _ out: UnsafeMutablePointer<Value>?,
        _ parse: (String) -> Value?
    ) -> hl_status {
        guard let text = UnsafeLoneHost.of(configuration)?.text(node)?.string else { return HL_NOT_FOUND }
        guard let value = parse(text) else { return HL_INVALID }
        out?.pointee = value
        return HL_OK
    }

    private static func keep<Table>(_ table: Table) -> UnsafePointer<Table> {
        let copy = UnsafeMutablePointer<Table>.allocate(capacity: 1)
        copy.initialize(to: table)
        return UnsafePointer(copy)
    }
}
