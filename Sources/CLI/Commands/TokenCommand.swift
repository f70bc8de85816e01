import APITokens
import ArgumentParser
import Glibc
import PluginSDK

/// `hookline token`: what opens the HTTP API.
struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Create, list and revoke tokens of the HTTP API.",
        discussion: "The file holds digests only: a token is shown once. A running broker takes changes up by itself.",
        subcommands: [Create.self, List.self, Revoke.self])

    struct File: ParsableArguments {
        @Option(help: "The token file, as 'tokens' of the http plugin names it.")
        var file = "api-tokens"

        /// - Parameter mayBeMissing: a file that is not there has no tokens.
        func load(mayBeMissing: Bool = false) throws -> TokenFile {
            let bytes: [UInt8]
            do throws(FileContents.Failure) {
                bytes = try FileContents.read(file, limit: TokenFile.maximumSize)
            } catch {
                if error.isMissing, mayBeMissing { return TokenFile() }
                throw end(ToolExit.failure, error.description)
            }
            do throws(TokenFile.Faults) {
                return try TokenFile(String(decoding: bytes, as: UTF8.self), file: file)
            } catch {
                throw end(ToolExit.failure, error.description)
            }
        }

        func store(_ tokens: TokenFile) throws {
            do throws(TokenFile.DiskError) {
                try tokens.write(to: file)
            } catch {
                throw end(ToolExit.failure, error.description)
            }
        }
    }

    struct Create: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Print a new token and keep its digest.")

        @OptionGroup var file: File
        @Option(help: "read: look at everything; operate: change it, too, and publish as the broker.")
        var role = "read"
        @Option(help: "How long it is valid: 12h, 30d; without it until it is revoked.")
        var ttl: String?
        @Argument(help: "What to call it; without it token-1, token-2, ...")
        var name: String?

        func validate() throws {
            guard TokenFile.Role(rawValue: role) != nil else { throw ValidationError("--role is read or operate") }
            guard ttl == nil || TokenCommand.seconds(ttl ?? "") != nil else {
                throw ValidationError("--ttl '\(ttl ?? "")' is not a duration; write 12h or 30d")
            }
        }

        func run() throws {
            var tokens = try file.load(mayBeMissing: true)
            guard let token = APIToken.make(), let role = TokenFile.Role(rawValue: role) else {
                throw end(ToolExit.failure, "the system has no random bytes to give")
            }
            let now = Int64(time(nil))
            let taken = Set(tokens.entries.map(\.name))
            let name =
                name ?? (1...).lazy.map { "token-\($0)" }.first { !taken.contains($0) } ?? "token"
            let entry = TokenFile.Entry(
                name: name, role: role, digest: APIToken.digest(of: token.text), created: now,
                expires: ttl.flatMap(TokenCommand.seconds).map { now + $0 })
            guard tokens.add(entry) else {
                throw end(
                    ToolExit.failure,
                    taken.contains(name)
                        ? "\(file.file): the name '\(name)' is there already; revoke it or choose another"
                        : "'\(name)' is not a name: 1 to 64 of A-Z a-z 0-9 . _ -")
            }
            try file.store(tokens)
            print(token.text)
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "Show names and roles.")

        @OptionGroup var file: File

        func run() throws {
            let now = Int64(time(nil))
            for entry in try file.load().entries {
                let end =
                    if let expires = entry.expires {
                        now < expires ? "expires in \((expires - now) / 3600)h" : "expired"
                    } else {
                        "does not expire"
                    }
                print("\(entry.name)\t\(entry.role.rawValue)\t\(end)")
            }
        }
    }

    struct Revoke: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "revoke", abstract: "Take a token away.")

        @OptionGroup var file: File
        @Argument(help: "Its name.")
        var name: String

        func run() throws {
            var tokens = try file.load()
            guard tokens.remove(name) else { throw end(ToolExit.failure, "\(file.file): no token '\(name)'") }
            try file.store(tokens)
        }
    }

    /// Seconds of "90s", "30m", "12h", "30d"; nil for anything else.
    static func seconds(_ text: String) -> Int64? {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()), count > 0 else {
            return nil
        }
        let (seconds, overflow) = count.multipliedReportingOverflow(by: unit)
        // A thousand years are enough, and leave room to add them to a time.
        return overflow || seconds > 31_536_000_000 ? nil : seconds
    }
}
