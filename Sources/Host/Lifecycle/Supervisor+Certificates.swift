import Configuration
import Reactor

/// Certificates that change while the broker runs.
extension Supervisor {
    /// How long files are left alone after a change: whoever renews writes two or three of them.
    private static let settleNanoseconds: Int64 = 200_000_000
    /// How often files are looked at whatever the kernel tells.
    static let lookNanoseconds: Int64 = 30_000_000_000

    /// Takes the files of these listeners up again whenever one of them changes. Connections stay as they are.
    func follow(_ servers: [String: TLSServer]) {
        tlsServers = servers
        let files = Set(servers.values.flatMap(\.settings.files)).sorted()
        guard !files.isEmpty else { return }
        do throws(SystemError) {
            let watcher = try FileWatcher(
                paths: files, settleNanoseconds: Self.settleNanoseconds, lookNanoseconds: Self.lookNanoseconds
            ) { [unowned self] path in
                reloadCertificates { $0.files.contains(path) }
            }
            try loop.add(watcher)
        } catch {
            log.write(.configWarning, .warn) {
                [
                    .init("at", "broker.listeners"),
                    .init(
                        "message", "changed certificates are taken up by 'hookline reload' only: \(error.description)"),
                ]
            }
        }
    }

    /// Looks up when the certificates in use end, for metrics.
    static func ends(of servers: [String: TLSServer]) -> @Sendable () -> [(listener: String, expires: Int64)] {
        let all = servers.sorted { $0.key < $1.key }
        return { all.compactMap { name, server in server.certificatesEnd.map { (listener: name, expires: $0) } } }
    }

    /// Reads the files of TLS listeners again. What is wrong keeps what was there and is told.
    @discardableResult
    func reloadCertificates(where isConcerned: (TLSSettings) -> Bool = { _ in true }) -> [String] {
        var problems: [String] = []
        for (name, server) in tlsServers.sorted(by: { $0.key < $1.key }) where isConcerned(server.settings) {
            do throws(TLSError) {
                try server.reload()
                log.write(.tlsReloaded) { [.init("listener", name)] }
            } catch {
                problems.append("listener '\(name)': \(error)")
                log.write(.tlsReloadRefused, .error) {
                    [.init("listener", name), .init("kept", true), .init("reason", error.description)]
                }
            }
        }
        return problems
    }
}
