@testable import Configuration
import Testing

@Suite struct ServeOptionsTests {
    @Test func everyOptionIsUnderstood() throws {
        let options = try ServeOptions.parse([
            "-c", "x.yaml", "-p", "0", "-v", "--set", "a=b=c", "--set=d=", "--listen", "dev=mqtt://127.0.0.1:0",
            "--listen=unix:///x", "--data-dir", "d", "--no-plugins", "--ports-file", "-", "--pid-file", "p",
            "--exit-with-parent", "--test-mode", "--log-format=json",
        ])
        #expect(options.mode == .serve)
        #expect(options.configurationFile == "x.yaml")
        #expect(
            options.listeners == [
                .init(name: nil, url: "mqtt://localhost:0", option: "-p 0"),
                .init(name: "dev", url: "mqtt://127.0.0.1:0", option: "--listen dev=mqtt://127.0.0.1:0"),
                .init(name: nil, url: "unix:///x", option: "--listen unix:///x"),
            ])
        #expect(
            options.assignments == [
                .init(path: "broker.log.level", text: "debug", option: "-v"),
                .init(path: "broker.data_dir", text: "d", option: "--data-dir"),
                .init(path: "broker.log.format", text: "json", option: "--log-format"),
                .init(path: "a", text: "b=c", option: "--set a"), .init(path: "d", text: "", option: "--set d"),
            ])
        #expect(options.withoutPlugins && options.exitsWithParent && options.isTestMode && !options.isEphemeral)
        #expect(options.portsFile == "-")
        #expect(options.pidFile == "p")
    }

    @Test(arguments: [
        ([], ServeOptions.Mode.serve), (["--check"], .check), (["--help"], .help), (["-h"], .help),
        (["--version"], .version), (["--check", "--help"], .help), (["--help", "--version"], .help),
    ]) func modes(arguments: [String], mode: ServeOptions.Mode) throws {
        #expect(try ServeOptions.parse(arguments).mode == mode)
    }

    @Test(arguments: [
        (["--test-config"], "serve --test-config: use 'hookline check FILE'"),
        (["-d"], "serve -d: there is no daemon mode; use systemd, or & in a shell"),
        (["plugins.yaml"], "serve: unexpected 'plugins.yaml'; a configuration file is given with -c plugins.yaml"),
        (["-"], "serve: unexpected '-'; a configuration file is given with -c -"),
        (["--ephemral"], "serve --ephemral: no such option; nearest is --ephemeral"),
        (["--xyzzy"], "serve --xyzzy: no such option; see --help"),
        (["--no-plug"], "serve --no-plug: no such option; nearest is --no-plugins"),
        (["-x"], "serve -x: no such option; see --help"),
        (["-c"], "serve -c: a value is missing"),
        (["-c", ""], "serve -c: a value is missing"),
        (["-c", "a", "--config", "b"], "serve --config: given twice"),
        (["--ephemeral=yes"], "serve --ephemeral: takes no value"),
        (["-p", "70000"], "serve -p: '70000' is not a port; write a number from 0 to 65535"),
        (["-p", "x"], "serve -p: 'x' is not a port; write a number from 0 to 65535"),
        (["--set", "x"], "serve --set x: write PATH=VALUE, such as broker.limits.max_connections=10"),
        (["--set", "=x"], "serve --set =x: write PATH=VALUE, such as broker.limits.max_connections=10"),
        (
            ["--listen", "A=mqtt://localhost"],
            "serve --listen A=mqtt://localhost: listener name 'A': use a-z and 0-9, with single '-' between words"
        ),
        (["-v", "-q"], "serve: give one of -v, -q and --log-level"),
        (["--ephemeral", "--data-dir", "x"], "serve --data-dir: --ephemeral keeps nothing; drop one of the two"),
    ]) func wrongOptionsSayWhatToType(arguments: [String], message: String) {
        #expect(throws: UsageError(message)) { try ServeOptions.parse(arguments) }
    }

    @Test func aQueryInAURLIsNoName() throws {
        let options = try ServeOptions.parse(["--listen", "ws://localhost/a=b"])
        #expect(options.listeners.first?.name == nil)
    }

    @Test func theHelpNamesEveryOptionOnce() {
        for option in [
            "--config", "--port", "--listen", "--set", "--data-dir", "--ephemeral", "--no-plugins",
            "--ports-file", "--pid-file", "--exit-with-parent", "--test-mode", "--log-level LEVEL", "--log-format",
            "--verbose", "--quiet", "--check", "--help", "--version",
        ] {
            #expect(ServeOptions.help.contains(option), "\(option)")
        }
        #expect(ServeOptions.help.split(separator: "\n").allSatisfy { $0.count <= 120 })
    }
}
