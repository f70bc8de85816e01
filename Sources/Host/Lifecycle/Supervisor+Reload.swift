import Configuration
import PositionedYAML

extension Supervisor {
    /// Reads the configuration again: what can be applied is applied, what cannot is named, a wrong one changes
    /// nothing. Returns what the control socket answers.
    @discardableResult
    func reload() -> ControlAnswer {
        do throws(ConfigurationErrors) {
            let loaded = try ServerConfiguration.load(options)
            let plan = ReloadPlan(running: running.configuration, file: loaded.configuration)
            let changes = try applyPlugins(loaded, if: plan.changesPlugins)
            let problems = reloadCertificates()
            let answer = apply(plan, changes, loaded)
            guard problems.isEmpty else {
                return .refused(problems.joined(separator: "\n"), exitCode: ExitCode.badConfiguration)
            }
            return answer
        } catch {
            return refuse(error)
        }
    }

    private func applyPlugins(
        _ loaded: LoadedConfiguration, if isNeeded: Bool, renewing: Set<String> = []
    ) throws(ConfigurationErrors) -> PluginChanges {
        guard let service, isNeeded else { return PluginChanges() }
        let changes = try service.applyPlugins(loaded, renewing: renewing, exposing: running.configuration)
        running.configuration.plugins = loaded.configuration.plugins
        return changes
    }

    /// `hookline reload NAME`: a new generation of one plugin, with the settings the file has now. The old one serves
    /// until the new one has started, and stays when that fails. Other plugins are left alone.
    func reloadPlugin(_ id: String) -> ControlAnswer {
        do throws(ConfigurationErrors) {
            var loaded = try ServerConfiguration.load(options)
            guard let entry = loaded.configuration.plugins.first(where: { $0.id == id && $0.isEnabled }) else {
                return .refused("no plugin '\(id)' is enabled in \(loaded.source)", exitCode: ExitCode.failure)
            }
            var plugins = running.configuration.plugins
            if let place = plugins.firstIndex(where: { $0.id == id }) {
                plugins[place] = entry
            } else {
                plugins.append(entry)
            }
            loaded.configuration.plugins = plugins
            _ = try applyPlugins(loaded, if: true, renewing: [id])
            log.write(.pluginReloaded) { [.init("plugin", id)] }
            return .done([("changed", [.string("plugins.\(id)")])])
        } catch {
            log.write(.pluginReloadRefused, .error) {
                [.init("plugin", id), .init("kept", true), .init("reason", error.description)]
            }
            return .refused(error.description, exitCode: ExitCode.badConfiguration)
        }
    }

    private func refuse(_ errors: ConfigurationErrors) -> ControlAnswer {
        for error in errors.all {
            log.write(.configReloadRefused, .error) {
                [.init("at", error.position.description), .init("reason", error.message)]
            }
        }
        return .refused(errors.description, exitCode: ExitCode.badConfiguration)
    }

    private func apply(
        _ plan: ReloadPlan, _ changes: PluginChanges, _ loaded: LoadedConfiguration
    ) -> ControlAnswer {
        let level = loaded.configuration.broker.log.level
        log.setLevel(level)
        running.configuration.broker.log.level = level
        let plugins = changes.started + changes.replaced + changes.reconfigured + changes.stopped
        let changed =
            plan.applied + plugins.map { "plugins.\($0)" } + (changes.isReordered ? ["plugins (their order)"] : [])
        log.write(.configReloaded) {
            [.init("changed", changed.isEmpty ? "nothing" : changed.joined(separator: ","))]
        }
        for waiting in plan.waiting {
            log.write(.configNeedsRestart, .warn) {
                [
                    .init("setting", waiting.setting), .init("running", waiting.running),
                    .init("file", waiting.file),
                ]
            }
        }
        return .done([
            ("changed", .array(changed.map { .string($0) })),
            (
                "needs_restart",
                .array(
                    plan.waiting.map {
                        ["setting": .string($0.setting), "running": .string($0.running), "file": .string($0.file)]
                    })
            ),
        ])
    }
}
