import PositionedYAML

/// Turns `HOOKLINE_BROKER__...` and `HOOKLINE_PLUGINS__...` into overrides. Nothing else of the environment is looked
/// at: a Kubernetes service called `hookline` injects `HOOKLINE_PORT=tcp://...` and must not stop the broker.
struct EnvironmentLayer {
    /// The tree the overrides go into: listeners and plugins are addressed by the names they have there.
    let root: YAMLNode
    private(set) var overrides: [Override] = []
    private(set) var errors: [ConfigurationError] = []

    init(root: YAMLNode) {
        self.root = root
    }

    mutating func read(_ environment: [String: String]) {
        for (name, text) in environment.sorted(by: { $0.key < $1.key })
        where EnvironmentName.prefixes.contains(where: name.hasPrefix) {
            let source = SourcePosition(source: name)
            guard let path = path(of: name) else {
                let nearest = NearestName.find(name, in: candidates())
                errors.append(ConfigurationError(.unknownEnvironmentName(nearest: nearest), at: source))
                continue
            }
            do throws(ConfigurationErrors) {
                overrides.append(try Override(path: path, text: text, source: source))
            } catch {
                errors += error.all
            }
        }
    }

    private func path(of name: String) -> [String]? {
        if let setting = SettingsTable.all.first(where: { $0.environmentName == name }) {
            return setting.path.split(separator: ".").map(String.init)
        }
        let levels = EnvironmentName.levels(name)
        if levels.count == 4, levels[0] == "BROKER", levels[1] == "LISTENERS" {
            guard let key = ListenerKey.allCases.first(where: { EnvironmentName.level($0.rawValue) == levels[3] })
            else { return nil }
            return ["broker", "listeners", listenerName(levels[2]), key.rawValue]
        }
        guard levels.count >= 3, levels[0] == "PLUGINS",
            let plugin = pluginNodes.first(where: { EnvironmentName.level($0.pluginID ?? "") == levels[1] }),
            let id = plugin.pluginID
        else { return nil }
        if levels.count == 3, levels[2] == "ENABLED" { return ["plugins", id, "enabled"] }
        guard levels.count >= 4, levels[2] == "CONFIG" else { return nil }
        var path = ["plugins", id, "config"]
        var node = plugin["config"]
        for level in levels[3...] {
            // A key that the file spells with a '-' keeps its spelling; a new one is lower case.
            let key = node?.entries?.first { EnvironmentName.level($0.name) == level }?.name ?? level.lowercased()
            path.append(key)
            node = node?[key]
        }
        return path
    }

    private var pluginNodes: [YAMLNode] { root["plugins"]?.elements ?? [] }

    private func listenerName(_ level: String) -> String {
        let known = root["broker"]?["listeners"]?.entries ?? []
        return known.first { EnvironmentName.level($0.name) == level }?.name
            ?? String(level.lowercased().map { $0 == "_" ? "-" : $0 })
    }

    /// Every name that would be understood, for the nearest one.
    private func candidates() -> [String] {
        let listeners = (root["broker"]?["listeners"]?.entries ?? []).map(\.name) + ["tcp"]
        return SettingsTable.all.map(\.environmentName)
            + listeners.flatMap { name in
                ListenerKey.allCases.map { EnvironmentName.of(path: "broker.listeners.\(name).\($0.rawValue)") }
            }
            + pluginNodes.compactMap(\.pluginID).flatMap { id in
                [EnvironmentName.of(path: "plugins.\(id).enabled"), EnvironmentName.of(path: "plugins.\(id).config")]
            }
            + pluginNodes.flatMap { node in
                (node["config"]?.entries ?? []).map {
                    EnvironmentName.of(path: "plugins.\(node.pluginID ?? "").config.\($0.name)")
                }
            }
    }
}
