import ArgumentParser
import Configuration

/// `hookline config`
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Show settings and where they come from.",
        subcommands: [Show.self, Default.self, Schema.self, Import.self, Set.self, Reset.self],
        defaultSubcommand: Show.self)

    /// `hookline config show`
    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show the merged settings, each with its origin; secrets are masked.",
            discussion: "Takes the options of serve, so that it shows what serve would run with.")

        @Argument(parsing: .captureForPassthrough, help: "Options of serve, such as -c FILE.")
        var options: [String] = []

        func run() throws {
            let options = try ServeOptions.orUsageExit(options)
            if options.mode == .help {
                print(ServeOptions.help)
                return
            }
            do throws(ConfigurationErrors) {
                let loaded = try ServerConfiguration.load(options)
                print("# \(loaded.source)")
                print(ConfigurationText.effective(loaded), terminator: "")
            } catch {
                throw end(ToolExit.badConfiguration, error.description)
            }
        }
    }

    /// `hookline config default`
    struct Default: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "default", abstract: "Print every setting with its default and its meaning.")

        func run() {
            print(ConfigurationText.defaults(), terminator: "")
        }
    }
}

extension ServeOptions {
    /// The options, or the end with exit code 2.
    static func orUsageExit(_ arguments: [String]) throws -> ServeOptions {
        do throws(UsageError) {
            return try parse(arguments)
        } catch {
            throw end(ToolExit.usage, error.description)
        }
    }
}
