import AccessRules
import ArgumentParser
import Configuration
import PluginSDK
import PositionedYAML

/// `hookline acl`
struct ACLCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "acl", abstract: "Look into access rules.", subcommands: [Explain.self, Check.self])

    /// `hookline acl check`
    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check", abstract: "Check a rule file; its faults end with exit code 78.")

        @Argument(help: "The rule file: acl.yaml, or an acl_file of mosquitto.")
        var file: String

        func run() throws {
            print("\(file): \(try RuleText(file).rules.summary)")
        }
    }

    /// `hookline acl explain`
    struct Explain: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "explain", abstract: "Say which rule decides, with file and line.",
            discussion: "Reads the rule file itself; no broker needs to run. Groups, account and certificate are those "
                + "that the log-in gives a client; a claim is a group NAME=VALUE.")

        @Option(help: "Topic to publish to.") var publish: String?
        @Option(help: "Filter to subscribe to.") var subscribe: String?
        @Option(help: "Topic of a message to be sent to the client.") var deliver: String?
        @Option(help: "User name; without it the client is anonymous.") var user = ""
        @Option(help: "Client id.") var client = ""
        @Option(help: "A group that comes with the log-in; may be repeated.") var group: [String] = []
        @Option(help: "Account.") var account = ""
        @Option(help: "Identity of the client certificate.") var certificate = ""
        @Option(help: "Where the client connects from.") var address = ""
        @Option(help: "Name of the listener.") var listener = ""
        @Option(help: "QoS of the message or subscription.") var qos = 0
        @Flag(help: "The message is a retained one.") var retain = false
        @Option(help: "Decide so often, and print what one decision costs.") var times: Int?
        @Option(help: "The rule file; without it the one of the acl plugin in the configuration.") var file: String?
        @Option(name: [.customShort("c"), .customLong("config")], help: "The configuration, as for serve.")
        var configurationFile: String?

        func validate() throws {
            guard [publish, subscribe, deliver].compactMap({ $0 }).count == 1 else {
                throw ValidationError("one of --publish TOPIC, --subscribe FILTER and --deliver TOPIC")
            }
            guard (0...2).contains(qos) else { throw ValidationError("--qos is 0, 1 or 2") }
        }

        func run() throws {
            let text = try RuleText(file ?? ruleFile())
            if let times, times > 0 {
                let nanoseconds = Int(text.rules.cost(request, repetitions: times).rounded())
                print("\(nanoseconds) ns for a decision under \(text.rules.summary)")
            }
            let decision = text.rules.decide(request)
            let verb = decision.effect == .allow ? "allowed" : "denied"
            guard let line = decision.line else {
                print("\(verb) by \(text.path):default: no rule applies")
                return
            }
            print("\(verb) by \(text.path):\(line): \(text.line(line))")
        }

        private var request: ExplainedRequest {
            var request =
                if let publish {
                    ExplainedRequest(.publish, publish)
                } else if let subscribe {
                    ExplainedRequest(.subscribe, subscribe)
                } else {
                    ExplainedRequest(.deliver, deliver ?? "")
                }
            (request.client, request.user, request.groups) = (client, user, group)
            (request.account, request.certificate) = (account, certificate)
            (request.listener, request.address) = (listener, address)
            request.traits = MessageTraits(qos: UInt8(qos), retain: retain)
            return request
        }

        /// The `file` of the first acl plugin of the configuration.
        private func ruleFile() throws -> String {
            let options = try ServeOptions.orUsageExit(configurationFile.map { ["-c", $0] } ?? [])
            let loaded: LoadedConfiguration
            do throws(ConfigurationErrors) {
                loaded = try ServerConfiguration.load(options)
            } catch {
                throw end(ToolExit.badConfiguration, error.description)
            }
            let entry = loaded.configuration.plugins.first { $0.plugin == "acl" }
            guard let node = entry?.config?["file"], let path = node.text else {
                throw end(ToolExit.failure, "\(loaded.source): no acl plugin here; name its rules with --file")
            }
            guard !path.hasPrefix("/"), let slash = node.position.file.lastIndex(of: "/") else { return path }
            return String(node.position.file[...slash]) + path
        }
    }
}

/// A rule file with its text.
private struct RuleText {
    let path: String
    let rules: RuleSet
    private let lines: [String]

    init(_ path: String) throws {
        self.path = path
        do {
            let bytes = try FileContents.read(path, limit: RuleSet.sizeLimit)
            rules = try RuleSet(bytes, name: path)
            lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
                .map { String(decoding: $0, as: UTF8.self) }
        } catch let failure as FileContents.Failure {
            throw end(ToolExit.failure, failure.description)
        } catch let errors as RuleFileErrors {
            throw end(ToolExit.badConfiguration, errors.all.map(\.description).joined(separator: "\n"))
        }
    }

    /// What stands in a line, without the blanks around it.
    func line(_ number: Int) -> String {
        guard lines.indices.contains(number - 1) else { return "" }
        let text = lines[number - 1].drop { $0 == " " || $0 == "\t" }
        return String(text.hasSuffix("\r") ? text.dropLast() : text)
    }
}
