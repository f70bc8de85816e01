import PositionedYAML

/// A configuration as text: the defaults, or what a broker would run with and who set it.
public enum ConfigurationText {
    /// `hookline config default`: every key with its default and help; the text is a valid plugins.yaml.
    public static func defaults() -> String {
        var lines = [
            "# Every setting with its default. A key that is left out has the value shown here.",
            "# Sizes: B, KiB, MiB, GiB or plain bytes. Durations: ms, s, m, h, d. Booleans: true, false.",
            "# Relative paths start at this file. ${VAR} and ${VAR:-default} are replaced in values.",
            "broker:",
        ]
        for (section, settings) in sections() {
            let indent = String(repeating: "  ", count: section.split(separator: ".").count)
            if section != "broker" { lines.append("\(indent.dropLast(2))\(section.dropFirst("broker.".count)):") }
            for setting in settings {
                lines.append("\(indent)# \(setting.help) (\(setting.type))")
                lines.append("\(indent)\(setting.name): \(setting.defaultText)")
            }
            if section == "broker" { lines += listenerDefaults }
        }
        lines += [
            "# Plugins in hook order: an id, or { id, plugin, path, enabled, optional, config, ... }.",
            "plugins: []",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    private static let listenerDefaults = [
        "  # Where clients connect, by name: mqtt://, mqtts://, ws://, wss:// or unix://; docs/tls.md and",
        "  # docs/websocket.md have the keys of the secure and the web ones.",
        "  # Hosts are addresses or localhost (127.0.0.1 and ::1); port 0 picks a free one.",
        "  # allow_anonymous is false unless given; this listener stands here when none is configured.",
        "  listeners:",
        "    tcp: { url: \"mqtt://localhost:1883\", allow_anonymous: true }",
    ]

    /// `hookline config show`: the merged values, each with its origin as a comment, secrets masked.
    public static func effective(_ loaded: LoadedConfiguration) -> String {
        let configuration = loaded.configuration
        var rows: [(text: String, origin: String)] = [("broker:", "")]
        for (section, settings) in sections() {
            let indent = String(repeating: "  ", count: section.split(separator: ".").count)
            if section != "broker" { rows.append(("\(indent.dropLast(2))\(section.dropFirst("broker.".count)):", "")) }
            for setting in settings {
                let origin = loaded.origins[setting.path] ?? .builtIn
                rows.append(("\(indent)\(setting.name): \(setting.text(in: configuration.broker))", "\(origin)"))
            }
            if section == "broker" { rows += listenerRows(configuration.listeners) }
        }
        rows += pluginRows(configuration.plugins)
        let width = min(60, rows.map(\.text.count).max() ?? 0)
        let lines = rows.map { row in
            row.origin.isEmpty
                ? row.text
                : row.text + String(repeating: " ", count: max(1, width + 2 - row.text.count)) + "# \(row.origin)"
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Available settings by section, in the order of the table.
    private static func sections() -> [(section: String, settings: [Setting])] {
        var result: [(section: String, settings: [Setting])] = []
        for setting in SettingsTable.all where setting.availability == .now {
            if let index = result.firstIndex(where: { $0.section == setting.section }) {
                result[index].settings.append(setting)
            } else {
                result.append((setting.section, [setting]))
            }
        }
        return result
    }

    private static func listenerRows(_ listeners: [ListenerConfiguration]) -> [(text: String, origin: String)] {
        var rows = [(text: "  listeners:", origin: "")]
        for listener in listeners {
            var members = ["url: \(PlainYAML.quoted(listener.url.description))"]
            members.append("allow_anonymous: \(listener.allowsAnonymous)")
            if !listener.mountPoint.isEmpty { members.append("mount_point: \(PlainYAML.quoted(listener.mountPoint))") }
            if let strictness = listener.strictness { members.append("strictness: \(strictness.rawValue)") }
            if let tls = listener.tls { members += tlsMembers(tls) }
            if !listener.origins.isEmpty { members.append("origins: \(list(listener.origins))") }
            if !listener.proxies.isEmpty { members.append("proxy_protocol: \(list(listener.proxies))") }
            let text = "    \(listener.name): { \(members.joined(separator: ", ")) }"
            rows.append((text, listener.position.file == "built-in defaults" ? "default" : "\(listener.position)"))
        }
        return rows
    }

    private static func tlsMembers(_ tls: TLSConfiguration) -> [String] {
        var members = ["cert: \(PlainYAML.scalar(tls.certificate))", "key: \(PlainYAML.scalar(tls.key))"]
        if !tls.otherCertificates.isEmpty {
            let others = tls.otherCertificates.map {
                "{ cert: \(PlainYAML.scalar($0.certificate)), key: \(PlainYAML.scalar($0.key)) }"
            }
            members.append("certificates: [\(others.joined(separator: ", "))]")
        }
        let optional: [(String, String?)] = [
            ("ca", tls.authority), ("client_ca", tls.clientCA), ("client_crl", tls.clientCRL),
            ("ciphers", tls.ciphers), ("cipher_suites", tls.cipherSuites), ("groups", tls.groups),
        ]
        members += optional.compactMap { name, value in value.map { "\(name): \(PlainYAML.scalar($0))" } }
        members.append("client_auth: \(tls.clientAuthentication.rawValue)")
        members.append("identity: \(tls.identity.rawValue)")
        members.append("min_version: \(PlainYAML.quoted(tls.minimumVersion.rawValue))")
        return members
    }

    private static func list(_ texts: [String]) -> String {
        "[\(texts.map(PlainYAML.quoted).joined(separator: ", "))]"
    }

    private static func policy(_ policy: HookPolicy) -> String {
        var members: [String] = []
        if let deadline = policy.deadline { members.append("deadline: \(HookPolicy.text(deadline))") }
        if let failure = policy.onFailure { members.append("on_failure: \(failure.rawValue)") }
        if let chain = policy.chain { members.append("policy: \(chain.rawValue)") }
        return "\(policy.hook): { \(members.joined(separator: ", ")) }"
    }

    private static func pluginRows(_ plugins: [PluginEntry]) -> [(text: String, origin: String)] {
        if plugins.isEmpty { return [("plugins: []", "")] }
        return [("plugins:", "")]
            + plugins.map { entry in
                var members = ["id: \(entry.id)"]
                if entry.plugin != entry.id { members.append("plugin: \(entry.plugin)") }
                if let path = entry.path { members.append("path: \(PlainYAML.scalar(path))") }
                if !entry.isEnabled { members.append("enabled: false") }
                if entry.isOptional { members.append("optional: true") }
                members += fileMembers(entry)
                if let config = entry.config {
                    members.append("config: \(PlainYAML.flow(SecretMask.apply(to: config)))")
                }
                if let grants = entry.grants { members.append("grants: \(list(grants))") }
                if !entry.hooks.isEmpty {
                    members.append("hooks: { \(entry.hooks.map(policy).joined(separator: ", ")) }")
                }
                return ("  - { \(members.joined(separator: ", ")) }", "\(entry.position)")
            }
    }

    private static func fileMembers(_ entry: PluginEntry) -> [String] {
        var members: [String] = []
        if let pin = entry.sha256 { members.append("sha256: \(PlainYAML.quoted(pin))") }
        if entry.allowsUnload { members.append("unload: allow") }
        if let grants = entry.grants { members.append("grants: \(list(grants))") }
        var reload: [String] = []
        if let auto = entry.reload.isAutomatic { reload.append("auto: \(auto)") }
        if let debounce = entry.reload.debounce { reload.append("debounce: \(DurationText.text(debounce))") }
        if let probation = entry.reload.probation { reload.append("probation: \(DurationText.text(probation))") }
        if let preflight = entry.reload.preflight { reload.append("preflight: \(preflight.rawValue)") }
        if !reload.isEmpty { members.append("reload: { \(reload.joined(separator: ", ")) }") }
        return members
    }
}
