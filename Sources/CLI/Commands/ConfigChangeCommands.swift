import ArgumentParser
import Configuration

extension ConfigCommand {
    /// `hookline config schema`
    struct Schema: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "schema", abstract: "Print plugins.yaml as JSON Schema, for editors.",
            discussion: "An editor with a YAML language server takes it from the first line of the file:\n"
                + "# yaml-language-server: $schema=hookline.schema.json")

        func run() {
            print(ConfigurationSchema.json().rendered)
        }
    }

    /// `hookline config import`
    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "import", abstract: "Print a mosquitto.conf as plugins.yaml.",
            discussion: "What cannot be carried over is listed on standard error, line by line; the exit code is then "
                + "1.")

        @Argument(help: "The mosquitto.conf.")
        var file: String

        func run() throws {
            let result = MosquittoImport(String(decoding: try WholeFile.read(file), as: UTF8.self))
            print(result.text, terminator: "")
            guard !result.remarks.isEmpty else { return }
            throw end(
                ToolExit.failure, result.remarks.map { "\(file):\($0.line): \($0.words)" }.joined(separator: "\n"))
        }
    }

    /// `hookline config set`
    struct Set: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Set one value in the running broker, over what the file says.",
            discussion: "It is kept in the data directory, if there is one. Exit code 78 when it was refused.")

        @OptionGroup var broker: BrokerChoice
        @Argument(help: "Such as broker.log.level or plugins.acl.config.file.")
        var path: String
        @Argument(help: "As for serve --set.")
        var value: String

        func run() throws {
            let request = ControlRequest(.configSet, ["path": .string(path), "value": .string(value)])
            print(try broker.ask(request, timeoutSeconds: 120).answer.table, terminator: "")
        }
    }

    /// `hookline config reset`
    struct Reset: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "reset", abstract: "Take a value that was set at run time back; all of them without a PATH.")

        @OptionGroup var broker: BrokerChoice
        @Argument(help: "The path that was set.")
        var path: String?

        func run() throws {
            let parameters: ControlParameters = path.map { ["path": .string($0)] } ?? [:]
            let (answer, _) = try broker.ask(ControlRequest(.configReset, parameters), timeoutSeconds: 120)
            print(answer.table, terminator: "")
        }
    }
}

extension PluginsCommand {
    /// `hookline plugins enable`
    struct Enable: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "enable", abstract: "Switch a plugin of the running broker on.",
            discussion: "Kept as 'hookline config set' keeps it; 'hookline config reset plugins.ID.enabled' takes it "
                + "back.")

        @OptionGroup var broker: BrokerChoice
        @Argument(help: "Id of the plugin's instance.")
        var id: String

        func run() throws {
            print(try broker.ask(ControlRequest(.enable, name: id), timeoutSeconds: 120).answer.table, terminator: "")
        }
    }

    /// `hookline plugins disable`
    struct Disable: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "disable", abstract: "Switch a plugin of the running broker off.",
            discussion: "Refused while something stands on it: the store, or a listener that the network reaches.")

        @OptionGroup var broker: BrokerChoice
        @Argument(help: "Id of the plugin's instance.")
        var id: String

        func run() throws {
            print(try broker.ask(ControlRequest(.disable, name: id), timeoutSeconds: 120).answer.table, terminator: "")
        }
    }
}
