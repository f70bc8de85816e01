/// What `hookline-host` (and `hookline serve`, which hands its arguments on) was told on the command line.
public struct ServeOptions: Hashable, Sendable {
    /// What to do.
    public enum Mode: Hashable, Sendable {
        /// Run the broker.
        case serve
        /// `--check`: read and check the configuration, then end (0 or 78).
        case check
        /// `--preflight ID=FILE`: try one plugin and end. The broker starts itself so; nobody types it.
        case preflight(id: String, file: String)
        /// `--help`
        case help
        /// `--version`
        case version
    }

    /// `--listen [NAME=]URL`
    public struct Listen: Hashable, Sendable {
        /// Nil = named after the scheme.
        public var name: String?
        /// The URL as typed.
        public var url: String
        /// The option as typed, for messages.
        public var option: String
    }

    /// `--set PATH=VALUE`, and the short options that mean one.
    public struct Assignment: Hashable, Sendable {
        /// Such as `broker.limits.max_connections`.
        public var path: String
        /// The value as typed.
        public var text: String
        /// The option as typed, for messages and `config show`.
        public var option: String
    }

    /// What to do.
    public var mode = Mode.serve
    /// `-c`, `--config`: nil = look in the usual places.
    public var configurationFile: String?
    /// `--set` and its shorter forms, in the order in which they win (the last one does).
    public var assignments: [Assignment] = []
    /// Settings changed while the broker ran; nil = those of the data directory.
    public var overlay: RuntimeOverlay?
    /// `--listen` and `-p`; not empty = they replace the configured listeners.
    public var listeners: [Listen] = []
    /// `--ephemeral`
    public var isEphemeral = false
    /// `--no-plugins`
    public var withoutPlugins = false
    /// `--ports-file`; `-` = one line on stdout.
    public var portsFile: String?
    /// `--pid-file`
    public var pidFile: String?
    /// `--exit-with-parent`
    public var exitsWithParent = false
    /// `--test-mode`
    public var isTestMode = false

    /// No option given.
    public init() {}

    /// Text of `--help`.
    public static let help = """
        Usage: hookline serve [OPTION]...

          -c, --config FILE       configuration; else ./plugins.yaml, /etc/hookline/plugins.yaml, built-in defaults
          -p, --port PORT         listen on mqtt://localhost:PORT only; short for --listen
              --listen [NAME=]URL listen here instead of at the configured listeners (repeatable); port 0 = a free one
              --set PATH=VALUE    set one value, such as broker.limits.max_connections=10 (repeatable)
              --data-dir DIR      set broker.data_dir
              --ephemeral         keep nothing; every configured port becomes a free one on loopback
              --no-plugins        load no plugin
              --ports-file FILE   write the open ports as JSON when ready; - = one line on stdout
              --pid-file FILE     write the process id
              --exit-with-parent  end when the starting process ends
              --test-mode         no connect-rate limit; test helpers on
              --log-level LEVEL   error, warn, info, debug or trace
              --log-format FORMAT text or json
          -v, --verbose           same as --log-level debug
          -q, --quiet             same as --log-level error
              --check             only check the configuration; exit code 78 if it is wrong
          -h, --help              this text
              --version           the version

        Exit codes: 0 done, 1 run-time failure, 2 usage, 78 bad configuration.
        """
}

/// A command line that cannot be understood; the exit code is 2.
public struct UsageError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong and what to type instead.
    public var description: String

    /// An error that says all in `description`.
    public init(_ description: String) {
        self.description = description
    }
}
