import ArgumentParser
import Configuration

/// `hookline plugins`
struct PluginsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plugins", abstract: "Look at the plugins of the running broker, or at a plugin's file.",
        subcommands: [
            List.self, Top.self, Reload.self, Enable.self, Disable.self, DescribePluginCommand.self,
            ValidatePluginCommand.self, NewPluginCommand.self, CheckStoreCommand.self,
        ],
        defaultSubcommand: List.self)

    /// `hookline plugins list`
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the plugins in the order in which they are asked.")

        @OptionGroup var broker: BrokerChoice
        @Flag(name: .long, help: "Show each hook with the plugins that are asked, in their order.")
        var effective = false
        @Flag(name: .long, help: "Print the broker's answer as it is: one line of JSON.")
        var json = false

        func run() throws {
            let (answer, line) = try broker.ask(ControlRequest(.plugins), timeoutSeconds: 10)
            guard !json else { return print(line) }
            print(effective ? PluginTables.chains(answer) : PluginTables.plugins(answer), terminator: "")
        }
    }

    /// `hookline plugins top`
    struct Top: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "top", abstract: "Measure for a second what each hook of each plugin does and costs.")

        @OptionGroup var broker: BrokerChoice
        @Flag(name: .long, help: "Print the broker's answer as it is: one line of JSON.")
        var json = false

        func run() throws {
            let (answer, line) = try broker.ask(ControlRequest(.top), timeoutSeconds: 15)
            print(json ? line + "\n" : PluginTables.top(answer), terminator: "")
        }
    }

    /// `hookline plugins reload`
    struct Reload: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "reload",
            abstract: "Put a new generation of a plugin in place; of the whole list without an ID.",
            discussion: "Waits for the outcome; exit code 78 when it was refused and the old one stays.")

        @OptionGroup var broker: BrokerChoice
        @Argument(help: "Id of the plugin's instance.")
        var id: String?

        func run() throws {
            let (answer, _) = try broker.ask(ControlRequest(.reload, name: id), timeoutSeconds: 120)
            print(answer.table, terminator: "")
        }
    }
}
