extension ServeOptions {
    /// Reads arguments (without the program's name). Options are `--name VALUE`, `--name=VALUE` or `-n VALUE`; what
    /// is not an option, an option given twice and an abbreviated option are errors.
    public static func parse(_ arguments: [String]) throws(UsageError) -> ServeOptions {
        var parser = Parser(arguments: arguments[...])
        try parser.run()
        return parser.options
    }

    private enum Argument: String, CaseIterable {
        case config, port, listen, set, dataDir = "data-dir", portsFile = "ports-file", pidFile = "pid-file"
        case logLevel = "log-level", logFormat = "log-format"
        case ephemeral, noPlugins = "no-plugins", exitWithParent = "exit-with-parent", testMode = "test-mode"
        case verbose, quiet, check, help, version, preflight

        static let letters: [Character: Argument] = [
            "c": .config, "p": .port, "v": .verbose, "q": .quiet, "h": .help,
        ]

        var takesValue: Bool {
            switch self {
            case .config, .port, .listen, .set, .dataDir, .portsFile, .pidFile, .logLevel, .logFormat, .preflight: true
            case .ephemeral, .noPlugins, .exitWithParent, .testMode, .verbose, .quiet, .check, .help, .version: false
            }
        }

        var isRepeatable: Bool { self == .listen || self == .set || self == .port }
    }

    private struct Parser {
        var arguments: ArraySlice<String>
        var options = ServeOptions()
        var seen: Set<Argument> = []
        /// Short forms; they come before every `--set`, which is the more explicit wish.
        var shorthands: [Assignment] = []

        mutating func run() throws(UsageError) {
            while let word = arguments.popFirst() {
                try option(word)
            }
            if options.isEphemeral, seen.contains(.dataDir) {
                throw UsageError("serve --data-dir: --ephemeral keeps nothing; drop one of the two")
            }
            if seen.intersection([.verbose, .quiet, .logLevel]).count > 1 {
                throw UsageError("serve: give one of -v, -q and --log-level")
            }
            options.assignments = shorthands + options.assignments
        }

        private mutating func option(_ word: String) throws(UsageError) {
            var name = word
            var attached: String?
            if word.hasPrefix("--"), let equals = word.firstIndex(of: "=") {
                name = String(word[..<equals])
                attached = String(word[word.index(after: equals)...])
            }
            guard let argument = Self.argument(name) else { throw Self.unknown(name) }
            guard argument.isRepeatable || seen.insert(argument).inserted else {
                throw UsageError("serve \(name): given twice")
            }
            guard argument.takesValue else {
                guard attached == nil else { throw UsageError("serve \(name): takes no value") }
                return flag(argument, typed: name)
            }
            guard let value = attached ?? arguments.popFirst() else {
                throw UsageError("serve \(name): a value is missing")
            }
            try take(argument, value: value, typed: name)
        }

        private static func argument(_ name: String) -> Argument? {
            if name.hasPrefix("--") { return Argument(rawValue: String(name.dropFirst(2))) }
            guard name.hasPrefix("-"), name.count == 2, let letter = name.last else { return nil }
            return Argument.letters[letter]
        }

        private mutating func flag(_ argument: Argument, typed: String) {
            switch argument {
            case .ephemeral: options.isEphemeral = true
            case .noPlugins: options.withoutPlugins = true
            case .exitWithParent: options.exitsWithParent = true
            case .testMode: options.isTestMode = true
            case .verbose: assign("broker.log.level", "debug", typed)
            case .quiet: assign("broker.log.level", "error", typed)
            case .check: if options.mode == .serve { options.mode = .check }
            case .help: options.mode = .help
            case .version: if options.mode != .help { options.mode = .version }
            case .config, .port, .listen, .set, .dataDir, .portsFile, .pidFile, .logLevel, .logFormat, .preflight:
                break
            }
        }

        private mutating func take(_ argument: Argument, value: String, typed: String) throws(UsageError) {
            switch argument {
            case .config: options.configurationFile = try nonEmpty(value, typed)
            case .portsFile: options.portsFile = try nonEmpty(value, typed)
            case .pidFile: options.pidFile = try nonEmpty(value, typed)
            case .dataDir: assign("broker.data_dir", value, typed)
            case .logLevel: assign("broker.log.level", value, typed)
            case .logFormat: assign("broker.log.format", value, typed)
            case .port:
                guard let port = UInt16(value) else {
                    throw UsageError("serve \(typed): '\(value)' is not a port; write a number from 0 to 65535")
                }
                options.listeners.append(
                    Listen(name: nil, url: "mqtt://localhost:\(port)", option: "\(typed) \(value)"))
            case .listen: try listen(value, typed)
            case .set: try set(value, typed)
            case .preflight:
                guard let equals = value.firstIndex(of: "=") else {
                    throw UsageError("serve \(typed): the broker itself uses this; see 'hookline plugins reload'")
                }
                options.mode = .preflight(
                    id: String(value[..<equals]), file: String(value[value.index(after: equals)...]))
            case .ephemeral, .noPlugins, .exitWithParent, .testMode, .verbose, .quiet, .check, .help, .version: break
            }
        }

        private mutating func assign(_ path: String, _ text: String, _ option: String) {
            shorthands.append(Assignment(path: path, text: text, option: option))
        }

        private func nonEmpty(_ value: String, _ typed: String) throws(UsageError) -> String {
            guard !value.isEmpty else { throw UsageError("serve \(typed): a value is missing") }
            return value
        }

        private mutating func listen(_ value: String, _ typed: String) throws(UsageError) {
            var listen = Listen(name: nil, url: value, option: "\(typed) \(value)")
            if let equals = value.firstIndex(of: "="), !value[..<equals].contains(":") {
                let name = String(value[..<equals])
                guard name.isDashedName else {
                    let rule = "use a-z and 0-9, with single '-' between words"
                    throw UsageError("serve \(typed) \(value): listener name '\(name)': \(rule)")
                }
                listen.name = name
                listen.url = String(value[value.index(after: equals)...])
            }
            options.listeners.append(listen)
        }

        private mutating func set(_ value: String, _ typed: String) throws(UsageError) {
            guard let equals = value.firstIndex(of: "="), equals != value.startIndex else {
                throw UsageError("serve \(typed) \(value): write PATH=VALUE, such as broker.limits.max_connections=10")
            }
            let path = String(value[..<equals])
            let text = String(value[value.index(after: equals)...])
            options.assignments.append(Assignment(path: path, text: text, option: "\(typed) \(path)"))
        }

        private static func unknown(_ name: String) -> UsageError {
            if let hint = hints[name] { return UsageError("serve \(name): \(hint)") }
            guard name.hasPrefix("-"), name != "-" else {
                return UsageError("serve: unexpected '\(name)'; a configuration file is given with -c \(name)")
            }
            let nearest = NearestName.find(
                String(name.drop { $0 == "-" }), in: Argument.allCases.filter { $0 != .preflight }.map(\.rawValue))
            return UsageError(
                "serve \(name): no such option" + (nearest.map { "; nearest is --\($0)" } ?? "; see --help"))
        }

        /// Habits from mosquitto and its like.
        private static let hints = [
            "--test-config": "use 'hookline check FILE'",
            "-d": "there is no daemon mode; use systemd, or & in a shell",
            "--daemon": "there is no daemon mode; use systemd, or & in a shell",
            "--foreground": "it always stays in the foreground",
            "--tls-keylog": "TLS keys are not written anywhere",
            "--config-file": "use -c FILE",
            "--bind": "use --listen mqtt://ADDRESS:PORT",
            "--host": "use --listen mqtt://ADDRESS:PORT",
            "--allow-anonymous": "use --set broker.listeners.NAME.allow_anonymous=true",
            "--persistence": "use --data-dir DIR",
        ]
    }
}
