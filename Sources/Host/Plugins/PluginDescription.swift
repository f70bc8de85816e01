import Configuration
import PluginABI
import PluginFile

/// What a plugin says about itself, copied out of its `hl_plugin_desc` and checked.
struct PluginDescription: Sendable {
    let id: String
    let version: String
    let flags: UInt32
    /// Nil: every service that `hl_self` has a field for.
    let requiredServices: [String]?
    let optionalServices: [String]
    let keys: [DeclaredKey]
    let life: hl_life

    /// Why the description is not accepted, as the end of a sentence that begins with the file's name.
    struct Problem: Error { let words: String }

    /// Bytes a description of minor 0 has; shorter ones were made by broken headers.
    private static let smallest = UInt32(MemoryLayout<hl_plugin_desc>.size)
    private static let knownCriticalFlags =
        HL_FREE | HL_PER_SHARD | HL_SERIAL | HL_BLOCKING | HL_NEEDS_PROCESS_ISOLATION
    private static let maximumKeys = 256

    /// Reads what the entry function returned.
    init(_ pointer: UnsafePointer<hl_plugin_desc>) throws(Problem) {
        let size = UnsafeRawPointer(pointer).load(as: UInt32.self)
        guard size >= PluginDescription.smallest else {
            throw Problem(
                words: "hl_plugin_desc.struct_size is \(size), this broker (plugin ABI \(PluginDescription.hostABI)) "
                    + "needs at least \(PluginDescription.smallest); rebuild with the headers of `pkg-config hookline`")
        }
        let raw = pointer.pointee
        try PluginDescription.checkVersion(raw.abi_major, raw.abi_minor_required)
        try PluginDescription.checkFlags(raw.flags)
        guard let life = raw.life, UnsafeRawPointer(life).load(as: UInt32.self) >= MemoryLayout<hl_life>.size,
            life.pointee.start != nil
        else {
            throw Problem(words: "has no start function (hl_plugin_desc.life); end one source file with HL_PLUGIN(...)")
        }
        guard let id = raw.id, let version = raw.version else {
            throw Problem(words: "has no id or no version (hl_plugin_desc.id, .version); give both to HL_PLUGIN(...)")
        }
        self.id = String(cString: id)
        self.version = String(cString: version)
        self.flags = raw.flags
        self.life = life.pointee
        requiredServices = raw.required_services.map(PluginDescription.list)
        optionalServices = raw.optional_services.map(PluginDescription.list) ?? []
        keys = try PluginDescription.keys(raw.config_keys, stride: Int(raw.config_key_stride))
    }

    /// "1.0"
    static var hostABI: String { "\(HL_ABI_MAJOR).\(HL_ABI_MINOR)" }

    /// Refuses another major version, and a newer minor one.
    static func checkVersion(_ major: UInt32, _ minor: UInt32) throws(Problem) {
        guard major == HL_ABI_MAJOR else {
            throw Problem(
                words: "needs plugin ABI \(major).\(minor), this broker has \(hostABI); rebuild with the headers of "
                    + "`pkg-config hookline`")
        }
        guard minor <= HL_ABI_MINOR else {
            throw Problem(
                words: "needs plugin ABI \(major).\(minor), this broker has \(hostABI); rebuild with "
                    + "-DHL_TARGET=\(HL_ABI_MAJOR * 10000 + HL_ABI_MINOR) or update hookline")
        }
    }

    private static func checkFlags(_ flags: UInt32) throws(Problem) {
        let unknown = flags & HL_CRITICAL_FLAGS & ~knownCriticalFlags
        guard unknown == 0 else {
            throw Problem(
                words: "has flags 0x\(String(unknown, radix: 16)) that this broker (plugin ABI \(hostABI)) does not "
                    + "know and must not ignore; update hookline")
        }
        guard flags & HL_NEEDS_PROCESS_ISOLATION == 0 else {
            throw Problem(
                words: "must run in a process of its own (HL_NEEDS_PROCESS_ISOLATION), which this broker "
                    + "does not offer")
        }
        let classes = [HL_FREE, HL_PER_SHARD, HL_SERIAL].filter { flags & $0 != 0 }
        guard classes.count == 1 else {
            throw Problem(words: "must have exactly one of the flags HL_FREE, HL_PER_SHARD and HL_SERIAL")
        }
    }

    private static func list(_ names: UnsafePointer<UnsafePointer<CChar>?>) -> [String] {
        var result: [String] = []
        var next = names
        while let name = next.pointee {
            result.append(String(cString: name))
            next += 1
        }
        return result
    }

    private static func keys(
        _ first: UnsafePointer<hl_config_key>?, stride: Int
    ) throws(Problem) -> [DeclaredKey] {
        guard let first else { return [] }
        guard stride >= MemoryLayout<hl_config_key>.size else {
            throw Problem(
                words: "hl_plugin_desc.config_key_stride is \(stride), at least "
                    + "\(MemoryLayout<hl_config_key>.size) is needed; use sizeof(hl_config_key)")
        }
        var keys: [DeclaredKey] = []
        for index in 0..<maximumKeys {
            let raw = (UnsafeRawPointer(first) + index * stride).assumingMemoryBound(to: hl_config_key.self).pointee
            guard let name = raw.name else { return keys }
            keys.append(
                try key(
                    String(cString: name), raw.type, raw.default_text.map { String(cString: $0) },
                    raw.help.map { String(cString: $0) } ?? ""))
        }
        throw Problem(words: "declares more than \(maximumKeys) settings; end the list with {0, 0, 0, 0}")
    }

    /// The settings that were read from a file.
    static func keys(_ settings: [ELFFile.Setting]) throws(Problem) -> [DeclaredKey] {
        var keys: [DeclaredKey] = []
        for setting in settings {
            keys.append(try key(setting.name, setting.type, setting.defaultText, setting.help))
        }
        return keys
    }

    private static func key(
        _ name: String, _ type: UInt64, _ defaultText: String?, _ help: String
    ) throws(Problem) -> DeclaredKey {
        guard let known = DeclaredKey.ValueType(rawValue: type & UInt64(HL_TYPE_MASK)) else {
            throw Problem(
                words: "declares the setting '\(name)' with type \(type), which this broker does not know; update "
                    + "hookline")
        }
        return DeclaredKey(
            name: name, type: known, isRequired: type & UInt64(HL_REQUIRED) != 0, defaultText: defaultText, help: help)
    }
}
