import ArgumentParser
import Configuration

/// `hookline serve`: hands its arguments to the host, which alone knows them.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run the broker in the foreground.", discussion: ServeOptions.help)

    @Argument(parsing: .captureForPassthrough, help: "Options of the broker; see below.")
    var options: [String] = []

    func run() throws {
        throw HostProgram.become(arguments: options)
    }
}

/// `hookline check`: what `serve` would say about the configuration, without serving.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check a configuration (exit code 78 if it is wrong).",
        discussion: "Plugins' settings are checked against what each plugin declares.")

    @Option(name: [.customShort("c"), .customLong("config")], help: "The file, as for serve.")
    var config: String?

    @Argument(help: "The file; else ./plugins.yaml, /etc/hookline/plugins.yaml, built-in defaults.")
    var file: String?

    @Option(name: .long, help: "PATH=VALUE, as for serve (repeatable).")
    var set: [String] = []

    func validate() throws {
        if file != nil, config != nil { throw ValidationError("one file at a time") }
    }

    func run() throws {
        let overrides = set.flatMap { ["--set", $0] }
        throw HostProgram.become(arguments: ["--check"] + ((file ?? config).map { ["-c", $0] } ?? []) + overrides)
    }
}
