import ArgumentParser
import Glibc

/// The tool: starts the broker, talks to a running one, and looks after its files.
@main
struct HooklineTool: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hookline",
        abstract: "Run and look after a Hookline MQTT broker.",
        discussion: "Exit codes: 0 done, 1 run-time failure, 2 usage, 78 bad configuration.",
        subcommands: [
            ServeCommand.self, CheckCommand.self, ConfigCommand.self, StatusCommand.self, HealthCommand.self,
            ReloadCommand.self, StopCommand.self, PluginsCommand.self, PasswdCommand.self, TokenCommand.self,
            CertsCommand.self,
            ACLCommand.self, StoreCommand.self, LogCommand.self, VersionCommand.self,
        ])

    /// As the parser's own `main`, but a usage error ends with 2 instead of 64.
    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            if exitCode(for: error) == ExitCode.validationFailure {
                Terminal.error(fullMessage(for: error))
                Glibc.exit(ToolExit.usage)
            }
            exit(withError: error)
        }
    }
}

/// Exit codes of the tool (and of the host).
enum ToolExit {
    static let failure: Int32 = 1
    static let usage: Int32 = 2
    static let badConfiguration: Int32 = 78
}

/// Prints `message` to stderr and ends the command with `code`.
func end(_ code: Int32, _ message: String) -> ExitCode {
    Terminal.error(message)
    return ExitCode(code)
}
