import PositionedYAML

extension ConfigurationReader {
    private static let keys = [
        "id", "plugin", "path", "enabled", "config", "grants", "hooks", "sha256", "unload", "reload",
        "optional",
    ]

    /// Keys that the design knows and this version does not honour. A pin that pins nothing would be worse than none.
    private static let laterKeys = [
        "signature": "files are pinned by sha256",
        "isolation": "every plugin runs in the broker's process",
        "shadow": "plugins cannot run in shadow yet",
    ]

    mutating func plugins(_ section: YAMLEntry) {
        if section.value.isNull { return }
        guard let elements = section.value.elements else {
            let shape = "a list, such as [ { id: acl, config: { file: acl.yaml } }, metrics ]"
            report(.value(.wrongShape(found: section.value.summary, expected: shape)), at: section.value.position)
            return
        }
        for element in elements {
            guard let entry = plugin(element) else { continue }
            if let first = configuration.plugins.first(where: { $0.id == entry.id }) {
                report(.duplicatePluginID(entry.id, first: first.position), at: entry.position)
            } else {
                configuration.plugins.append(entry)
            }
        }
    }

    private mutating func plugin(_ node: YAMLNode) -> PluginEntry? {
        if let id = node.text {
            guard checkID(id, at: node.position) else { return nil }
            return PluginEntry(id: id, position: node.position)
        }
        guard let keys = node.entries else {
            let shape = "a plugin's id, or a mapping with one"
            report(.value(.wrongShape(found: node.summary, expected: shape)), at: node.position)
            return nil
        }
        for key in keys where !Self.keys.contains(key.name) { unknownKey(key) }
        guard let idNode = node["id"] else {
            report(.conflict("a plugin needs an id, such as { id: acl }"), at: node.position)
            return nil
        }
        guard let id = text(idNode, expected: "an id"), checkID(id, at: idNode.position) else { return nil }
        var entry = PluginEntry(id: id, position: node.position)
        if let name = node["plugin"], let plugin = text(name, expected: "a plugin's name"),
            checkName(plugin, at: name.position)
        {
            entry.plugin = plugin
        }
        if let enabled = node["enabled"] {
            entry.isEnabled =
                attempt(
                    { () throws(ValueProblem) in
                        try BooleanText.parse(try enabled.scalarText(expected: "true or false"))
                    }, at: enabled.position) ?? true
        }
        if let optional = node["optional"] {
            entry.isOptional =
                attempt(
                    { () throws(ValueProblem) in
                        try BooleanText.parse(try optional.scalarText(expected: "true or false"))
                    }, at: optional.position) ?? false
        }
        if let config = node["config"], !config.isNull {
            if config.entries == nil {
                let shape = "a mapping for config of plugin '\(id)'"
                report(.value(.wrongShape(found: config.summary, expected: shape)), at: config.position)
            } else {
                entry.config = config
            }
        }
        if let path = node["path"] { file(path, of: &entry) }
        if let grants = node["grants"] { entry.grants = services(grants) }
        if let hooks = node["hooks"], !hooks.isNull { entry.hooks = hookPolicies(hooks) }
        if let pin = node["sha256"] { entry.sha256 = digest(pin) }
        if let unload = node["unload"] { entry.allowsUnload = word(unload, of: ["allow", "never"]) == "allow" }
        if let reload = node["reload"] { entry.reload = pluginReload(reload) }
        return entry
    }

    /// The names under `grants`; an empty list grants nothing.
    private mutating func services(_ node: YAMLNode) -> [String] {
        guard let elements = node.elements else {
            let shape = "a list of services, such as [log, publish, kv]"
            report(.value(.wrongShape(found: node.summary, expected: shape)), at: node.position)
            return []
        }
        var names: [String] = []
        for element in elements {
            if let name = text(element, expected: "a service, such as kv") { names.append(name) }
        }
        return names
    }

    /// A plugin is named like an instance, or `builtin:NAME` when it is part of the executable.
    private mutating func checkName(_ name: String, at position: SourcePosition) -> Bool {
        let builtin = "builtin:"
        guard name.hasPrefix(builtin) else { return checkID(name, at: position) }
        return checkID(String(name.dropFirst(builtin.count)), at: position)
    }

    private mutating func file(_ node: YAMLNode, of entry: inout PluginEntry) {
        guard let text = text(node, expected: "a path") else { return }
        let path = base.resolve(text, at: node.position)
        entry.path = path
        if entry.isEnabled, !entry.isOptional, !FileAccess.isRegularFile(path) {
            let directory = path.split(separator: "/").dropLast().joined(separator: "/")
            let startsAt = node.position.line > 0 ? node.position.file : "the working directory"
            report(
                .pluginFileMissing(id: entry.id, path: text, directory: "/" + directory, startsAt: startsAt),
                at: entry.position)
        }
    }

    private mutating func text(_ node: YAMLNode, expected: String) -> String? {
        attempt({ () throws(ValueProblem) in try node.scalarText(expected: expected) }, at: node.position)
    }

    private mutating func checkID(_ id: String, at position: SourcePosition) -> Bool {
        if !id.isDashedName { report(.badPluginID(id), at: position) }
        return id.isDashedName
    }

    private mutating func unknownKey(_ key: YAMLEntry) {
        if let reason = Self.laterKeys[key.name] {
            report(.notAvailable(subject: "'\(key.name)' of a plugin", reason: reason), at: key.position)
            return
        }
        let hint: KeyHint =
            switch key.name {
            case "name": .calledHere("id")
            case "file", "library", "so": .calledHere("path")
            case "enable": .calledHere("enabled")
            case "settings", "options", "configuration": .calledHere("config")
            case "require_pins": .words("it belongs in 'broker'")
            default: NearestName.find(key.name, in: Self.keys).map { .nearest($0) } ?? .words("it belongs in 'config'")
            }
        report(.unknownKey(key.name, section: "a plugin's entry", hint: hint), at: key.position)
    }
}
