import ArgumentParser
import Configuration

/// `hookline log`
struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "Show, and change, what the running broker writes into its log.",
        discussion: "docs/logging.md names the parts. A change holds until the broker ends or its configuration is "
            + "loaded again.",
        subcommands: [LogLevelCommand.self])

    @OptionGroup var broker: BrokerChoice

    func run() throws {
        let (answer, _) = try broker.ask(ControlRequest(.log), timeoutSeconds: 10)
        print(answer.table, terminator: "")
    }
}

/// `hookline log level`
struct LogLevelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "level", abstract: "Change the level of everything, or of one part.",
        usage: "hookline log level [PART] LEVEL")

    @OptionGroup var broker: BrokerChoice
    @Argument(help: "A part such as client or plugin.auth, then error, warn, info, debug, trace or default.")
    var words: [String]

    func validate() throws {
        guard (1...2).contains(words.count) else { throw ValidationError("a level is wanted, or a part and its level") }
    }

    func run() throws {
        var parameters: ControlParameters = ["level": .string(words[words.count - 1])]
        if words.count == 2 { parameters["component"] = .string(words[0]) }
        let (answer, _) = try broker.ask(ControlRequest(.log, parameters), timeoutSeconds: 10)
        print(answer.table, terminator: "")
    }
}
