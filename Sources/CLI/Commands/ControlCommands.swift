import ArgumentParser
import Configuration
import Glibc

/// Which broker is meant.
struct BrokerChoice: ParsableArguments {
    @Option(name: [.customShort("c"), .customLong("config")], help: "The configuration the broker runs with.")
    var file: String?

    @Option(name: .customLong("data-dir"), help: "The data_dir the broker runs with.")
    var dataDirectory: String?

    @Option(name: .customLong("control"), help: "Path of the control socket itself.")
    var socket: String?

    /// Path of the control socket.
    func socketPath() throws(ControlClient.Failure) -> String {
        if let socket { return socket }
        var words: [String] = []
        if let file { words += ["-c", file] }
        if let dataDirectory { words += ["--data-dir", dataDirectory] }
        do throws(UsageError) {
            let options = try ServeOptions.parse(words)
            return RunDirectory.controlSocket(in: RunDirectory.locate(options, userID: getuid()))
        } catch {
            throw ControlClient.Failure(description: error.description)
        }
    }

    /// The answer to `request`, or the end with the exit code that belongs to what went wrong.
    func ask(_ request: ControlRequest, timeoutSeconds: Int) throws -> (answer: ControlAnswer, line: String) {
        do throws(ControlClient.Failure) {
            var client = try ControlClient(path: try socketPath(), timeoutSeconds: timeoutSeconds)
            let (answer, line) = try client.ask(request)
            if answer.isOK { return (answer, line) }
            throw ControlClient.Failure(answer)
        } catch {
            throw end(error.exitCode, error.description)
        }
    }
}

/// `hookline status`
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show what the running broker is doing.")

    @OptionGroup var broker: BrokerChoice
    @Flag(name: .long, help: "Print the broker's answer as it is: one line of JSON.")
    var json = false

    func run() throws {
        let (answer, line) = try broker.ask(ControlRequest(.status), timeoutSeconds: 10)
        print(json ? line + "\n" : answer.table, terminator: "")
    }
}

/// `hookline health`
struct HealthCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health", abstract: "Exit with 0 if the running broker is ready, else with 1.")

    @OptionGroup var broker: BrokerChoice

    func run() throws {
        let (answer, _) = try broker.ask(ControlRequest(.ready), timeoutSeconds: 5)
        let isReady = answer.members.first { $0.key == "ready" }?.value == true
        guard isReady else { throw end(ToolExit.failure, answer.table) }
        _ = try broker.ask(ControlRequest(.health), timeoutSeconds: 6)
        print("ready")
    }
}

/// `hookline reload`
struct ReloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload", abstract: "Make the running broker read its configuration again.",
        discussion: "Waits for the outcome and prints what changed; exit code 78 when it was refused and the old "
            + "configuration stays in force.")

    @OptionGroup var broker: BrokerChoice
    @Argument(help: "Put a new generation of this plugin in place, and change nothing else.")
    var name: String?

    func run() throws {
        let (answer, _) = try broker.ask(ControlRequest(.reload, name: name), timeoutSeconds: 60)
        print(answer.table, terminator: "")
    }
}

/// `hookline stop`
struct StopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Drain the running broker and end it; waits until it is gone.")

    @OptionGroup var broker: BrokerChoice
    @Option(name: .long, help: "Seconds to wait for its end.")
    var timeout = 60

    func run() throws {
        do throws(ControlClient.Failure) {
            var client = try ControlClient(path: try broker.socketPath(), timeoutSeconds: max(1, timeout))
            let (answer, _) = try client.ask(ControlRequest(.stop))
            guard answer.isOK else { throw ControlClient.Failure(answer) }
            guard client.waitForEnd() else {
                throw ControlClient.Failure(description: "the broker is still running after \(timeout) s")
            }
        } catch {
            throw end(error.exitCode, error.description)
        }
    }
}

/// `hookline version`
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

    func run() {
        print("hookline \(HooklineVersion.text)")
    }
}
