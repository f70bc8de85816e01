import Configuration
import PositionedYAML

/// What a new configuration changes in a running broker. Pure.
struct ReloadPlan: Equatable {
    /// A setting that cannot change before the next start.
    struct Waiting: Equatable {
        var setting: String
        /// What the running broker uses.
        var running: String
        /// What the file says now.
        var file: String
    }

    /// Settings that take effect at once.
    var applied: [String] = []
    /// Settings that wait for the next start.
    var waiting: [Waiting] = []
    /// Plugins to start, or to start anew with other settings, in hook order.
    var startedPlugins: [PluginEntry] = []
    /// Plugins to stop, once the others have started.
    var stoppedPlugins: [String] = []

    /// The settings that a running broker takes over.
    static let live: Set<String> = ["broker.log.level"]

    init(running: ServerConfiguration, file: ServerConfiguration) {
        for setting in SettingsTable.all where setting.availability == .now {
            let (before, after) = (setting.text(in: running.broker), setting.text(in: file.broker))
            guard before != after else { continue }
            if Self.live.contains(setting.path) {
                applied.append(setting.path)
            } else {
                waiting.append(Waiting(setting: setting.path, running: before, file: after))
            }
        }
        compareListeners(running.listeners, file.listeners)
        comparePlugins(running.plugins.filter(\.isEnabled), file.plugins.filter(\.isEnabled))
    }

    /// A running chain can lose plugins, take new ones at its end, and exchange one for itself. Another order waits.
    private mutating func comparePlugins(_ running: [PluginEntry], _ file: [PluginEntry]) {
        let before = Dictionary(running.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        let kept = running.map(\.id).filter { id in file.contains { $0.id == id } }
        guard file.map(\.id).starts(with: kept) else {
            waiting.append(
                Waiting(
                    setting: "plugins (their order)", running: running.map(\.id).joined(separator: ","),
                    file: file.map(\.id).joined(separator: ",")))
            return
        }
        startedPlugins = file.filter { entry in before[entry.id]?.definition != entry.definition }
        stoppedPlugins = running.map(\.id).filter { !kept.contains($0) }
    }

    private mutating func compareListeners(_ running: [ListenerConfiguration], _ file: [ListenerConfiguration]) {
        for name in Set((running + file).map(\.name)).sorted() {
            let before = running.first { $0.name == name }
            let after = file.first { $0.name == name }
            // Where an entry stands says nothing about what it means.
            guard before?.withoutPosition != after?.withoutPosition else { continue }
            waiting.append(
                Waiting(
                    setting: "broker.listeners.\(name)", running: before?.url.description ?? "none",
                    file: after?.url.description ?? "none"))
        }
    }
}

extension ListenerConfiguration {
    fileprivate var withoutPosition: ListenerConfiguration {
        var copy = self
        copy.position = .init(source: "")
        return copy
    }
}

extension PluginEntry {
    /// What the entry means, wherever it stands in the file.
    fileprivate var definition: String {
        "\(plugin) \(path ?? "") \(config.map { JSONText($0).rendered } ?? "")"
    }
}
