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
            try applyPlugins(plan, loaded)
            let problems = reloadCertificates()
            let answer = apply(plan, loaded)
            guard problems.isEmpty else {
                return .refused(problems.joined(separator: "\n"), exitCode: ExitCode.badConfiguration)
            }
            return answer
        } catch {
            return refuse(error)
        }
    }

    /// New ones first: there is no moment in which fewer plugins decide than before and after.
    private func applyPlugins(_ plan: ReloadPlan, _ loaded: LoadedConfiguration) throws(ConfigurationErrors) {
        guard let service, !plan.startedPlugins.isEmpty || !plan.stoppedPlugins.isEmpty else { return }
        try service.startPlugins(plan.startedPlugins, of: loaded)
        for entry in plan.startedPlugins {
            if let place = running.configuration.plugins.firstIndex(where: { $0.id == entry.id }) {
                running.configuration.plugins[place] = entry
            } else {
                running.configuration.plugins.append(entry)
            }
        }
        try service.stopPlugins(plan.stoppedPlugins, running: running.configuration)
        running.configuration.plugins = loaded.configuration.plugins
    }

    /// `hookline reload NAME`: a new generation of one plugin, with the settings the file has now. The old one serves
    /// until the new one has started, and stays when that fails.
    func reloadPlugin(_ id: String) -> ControlAnswer {
        do throws(ConfigurationErrors) {
            let loaded = try ServerConfiguration.load(options)
            guard let entry = loaded.configuration.plugins.first(where: { $0.id == id && $0.isEnabled }) else {
                return .refused("no plugin '\(id)' is enabled in \(loaded.source)", exitCode: ExitCode.failure)
            }
            try service?.startPlugins([entry], of: loaded)
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

    private func apply(_ plan: ReloadPlan, _ loaded: LoadedConfiguration) -> ControlAnswer {
        let level = loaded.configuration.broker.log.level
        log.setLevel(level)
        running.configuration.broker.log.level = level
        let changed = plan.applied + (plan.startedPlugins.map(\.id) + plan.stoppedPlugins).map { "plugins.\($0)" }
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
