import PositionedYAML

/// `config` for programs: every setting with its value, its default and who set it; secrets are masked.
public enum ConfigurationJSON {
    /// Members of the answer.
    /// - Parameter isKept: the run-time overlay outlives the process.
    public static func members(_ loaded: LoadedConfiguration, isKept: Bool) -> [(key: String, value: JSONText)] {
        let configuration = loaded.configuration
        let settings = SettingsTable.all.filter { $0.availability == .now }
        return [
            ("source", .string(loaded.source.description)),
            ("settings", .array(settings.map { setting($0, loaded) })),
            ("listeners", .array(configuration.listeners.map(listener))),
            ("plugins", .array(configuration.plugins.map(plugin))),
            ("overlay", ["kept": .boolean(isKept), "settings": overlay(loaded.overlay)]),
        ]
    }

    private static func setting(_ setting: Setting, _ loaded: LoadedConfiguration) -> JSONText {
        [
            "path": .string(setting.path), "value": .string(setting.text(in: loaded.configuration.broker)),
            "default": .string(setting.defaultText), "type": .string(setting.type),
            "origin": .string((loaded.origins[setting.path] ?? .builtIn).description),
        ]
    }

    private static func listener(_ listener: ListenerConfiguration) -> JSONText {
        [
            "name": .string(listener.name), "url": .string(listener.url.description),
            "allow_anonymous": .boolean(listener.allowsAnonymous), "tls": .boolean(listener.tls != nil),
            "origin": .string(Origin(listener.position).description),
        ]
    }

    private static func plugin(_ entry: PluginEntry) -> JSONText {
        [
            "id": .string(entry.id), "plugin": .string(entry.plugin), "path": entry.path.map { .string($0) } ?? .null,
            "enabled": .boolean(entry.isEnabled), "origin": .string(entry.position.description),
            "config": entry.config.map { JSONText(SecretMask.apply(to: $0)) } ?? .object([]),
        ]
    }

    private static func overlay(_ overlay: RuntimeOverlay) -> JSONText {
        .object(
            overlay.settings.map { setting in
                let name = setting.path.split(separator: ".").last.map(String.init) ?? ""
                let isSecret = SecretMask.isSecret(name)
                return (key: setting.path, value: .string(isSecret ? SecretMask.mask : setting.text))
            })
    }
}
