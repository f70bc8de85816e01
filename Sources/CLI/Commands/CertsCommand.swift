import ArgumentParser
import Certificates

/// `hookline certs`
struct CertsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certs", abstract: "Make certificates.", subcommands: [CertsInitCommand.self])
}

/// `hookline certs init`
struct CertsInitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Make a CA, a server and a client certificate of your own.",
        discussion:
            "For tests, development and closed networks. The server certificate is for localhost, 127.0.0.1 and "
            + "::1 and the names given. Keys get mode 0600. Files that are there are never written over.")

    @Argument(help: "The folder; it is made when it is not there.")
    var folder = "certs"
    @Option(name: .customLong("name"), help: "A DNS name or address of the server (repeatable).")
    var names: [String] = []
    @Option(name: .customLong("client"), help: "Common name of a client certificate (repeatable; default: client).")
    var clients: [String] = []
    @Option(name: .customLong("days"), help: "How long server and client certificates are valid.")
    var days = 365
    @Flag(name: .customLong("if-missing"), help: "Do nothing, successfully, when all files are there.")
    var onlyIfMissing = false

    func run() throws {
        var plan = CertificateFolder.Plan()
        plan.serverNames = names
        plan.validDays = days
        if !clients.isEmpty { plan.clients = clients }
        let target = CertificateFolder(folder)
        if onlyIfMissing, target.hasAll(plan) { return }
        do throws(CertificateError) {
            let made = try target.make(plan)
            for path in made { print(path) }
            print("clients trust \(folder)/ca.pem; keep \(folder)/ca.key to yourself")
        } catch {
            throw end(ToolExit.failure, error.description)
        }
    }
}
