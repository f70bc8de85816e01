import Configuration
import Glibc
import Reactor

/// One run of `hookline-host`, from the command line to the exit code.
public enum HostProcess {
    /// Does what the arguments (without the program's name) ask for. Called once, on the main thread.
    public static func run(_ arguments: [String]) -> Int32 {
        let started = MonotonicClock.now
        SignalSource.ignoreBrokenPipe()
        do throws(UsageError) {
            let options = try ServeOptions.parse(arguments)
            switch options.mode {
            case .help: StandardOutput.write(ServeOptions.help + "\n")
            case .version: StandardOutput.write("hookline-host \(HooklineVersion.text)\n")
            case .check: return check(options)
            case .preflight(let id, let file): return PreflightRun.run(options, id: id, file: file)
            case .serve: return serve(options, started: started)
            }
            return ExitCode.done
        } catch {
            StandardError.write(["hookline-host: \(error)"])
            return ExitCode.usage
        }
    }

    private static func check(_ options: ServeOptions) -> Int32 {
        let check = ConfigurationCheck(options)
        if let failure = check.failure {
            StandardError.write(failure.lines)
            return failure.exitCode
        }
        StandardError.write(check.warnings.map { "warning: \($0)" })
        StandardOutput.write("\(check.source): ok\n")
        return ExitCode.done
    }

    private static func serve(_ options: ServeOptions, started: Int64) -> Int32 {
        do throws(StartFailure) {
            return try Startup.serve(options, started: started)
        } catch {
            StandardError.write(error.lines)
            return error.exitCode
        }
    }
}

/// Why the broker did not start; printed as it is, all in one go.
struct StartFailure: Error, Equatable {
    let exitCode: Int32
    let lines: [String]

    /// A wrong configuration.
    init(_ errors: ConfigurationErrors) {
        exitCode = ExitCode.badConfiguration
        lines = errors.all.map(\.description)
    }

    /// A failure of the machine or of another program.
    init(_ reason: some CustomStringConvertible) {
        exitCode = ExitCode.failure
        lines = [reason.description]
    }
}

/// Lines for a person when there is no log.
enum StandardError {
    static func write(_ lines: [String]) {
        let bytes = Array(lines.map { $0 + "\n" }.joined().utf8)
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
            if written > 0 { rest = rest.dropFirst(written) } else if errno != EINTR { return }
        }
    }
}
