import Configuration
import PositionedYAML

extension Supervisor {
    /// Reads the configuration again: what can be applied is applied, what cannot is named, a wrong one changes
    /// nothing. Returns what the control socket answers.
    @discardableResult
    func reload() -> JSONValue {
        do throws(ConfigurationErrors) {
            return apply(try ServerConfiguration.load(options))
        } catch {
            for error in error.all {
                log.write(.configReloadRefused, .error) {
                    [.init("at", error.position.description), .init("reason", error.message)]
                }
            }
            return ControlProtocol.failure(exit: ExitCode.badConfiguration, error.all.map(\.description))
        }
    }

    private func apply(_ loaded: LoadedConfiguration) -> JSONValue {
        let plan = ReloadPlan(running: running.configuration, file: loaded.configuration)
        let level = loaded.configuration.broker.log.level
        log.setLevel(level)
        running.configuration.broker.log.level = level
        log.write(.configReloaded) {
            [.init("changed", plan.applied.isEmpty ? "nothing" : plan.applied.joined(separator: ","))]
        }
        for waiting in plan.waiting {
            log.write(.configNeedsRestart, .warn) {
                [
                    .init("setting", waiting.setting), .init("running", waiting.running),
                    .init("file", waiting.file),
                ]
            }
        }
        return ControlProtocol.answer([
            "changed": .array(plan.applied.map { .string($0) }),
            "needs_restart": .array(
                plan.waiting.map {
                    ["setting": .string($0.setting), "running": .string($0.running), "file": .string($0.file)]
                }),
        ])
    }
}
