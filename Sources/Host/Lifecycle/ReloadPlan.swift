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
    /// The list of plugins is another: one more or less, other settings, another order.
    var changesPlugins = false

    /// The settings that a running broker takes over.
    static let live: Set<String> = ["broker.log.level", "broker.log.levels"]

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
        let (before, after) = (running.plugins.filter(\.isEnabled), file.plugins.filter(\.isEnabled))
        changesPlugins = before.map(Self.meaning) != after.map(Self.meaning)
    }

    private static func meaning(_ entry: PluginEntry) -> String { "\(entry.id) \(entry.definition)" }

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
