import Configuration
import Glibc

/// A listener that is open.
struct OpenListener: Sendable, Equatable {
    /// Its name in the configuration.
    var name: String
    /// With the port that was really taken.
    var url: String
    /// Address to connect to; `127.0.0.1` for `localhost`; the path of the socket file for `unix`.
    var host: String
    /// 0 for `unix`.
    var port: Int
    /// Certificate file that clients of a TLS listener are to trust, when the configuration names it.
    var authority: String?
}

extension OpenListener {
    /// Address as a URL and in its parts.
    var json: JSONText { ["url": .string(url), "host": .string(host), "port": JSONText(port)] }
}

/// Tells a script where the broker listens: the object of `--ports-file`.
///
/// It is written in one step when everything is open, removed before the first port opens and again at the end: a file
/// that exists is true.
struct PortsFile {
    /// Where the object goes.
    enum Destination: Sendable, Equatable {
        case standardOutput
        case file(String)

        /// `-` is standard output.
        init(option: String) { self = option == "-" ? .standardOutput : .file(option) }
    }

    let destination: Destination

    /// Removes what an earlier run left behind.
    func remove() {
        if case .file(let path) = destination { unlink(path) }
    }

    /// Writes the object.
    func write(
        _ listeners: [OpenListener], plugins: [PluginStatus] = [], version: String
    ) throws(OperationError) {
        let text = Self.object(listeners, plugins: plugins, version: version, process: getpid()).rendered + "\n"
        switch destination {
        case .standardOutput: StandardOutput.write(text)
        case .file(let path): try SmallFile.replace(path, with: text)
        }
    }

    static func object(
        _ listeners: [OpenListener], plugins: [PluginStatus] = [], version: String, process: Int32
    ) -> JSONText {
        var members: [(key: String, value: JSONText)] = [
            ("schema", 1), ("pid", JSONText(process)), ("version", .string(version)), ("state", "ready"),
        ]
        if let authority = listeners.lazy.compactMap(\.authority).first { members.append(("ca", .string(authority))) }
        members.append(("listeners", .object(listeners.map { (key: $0.name, value: $0.json) })))
        let reachable = plugins.filter { !$0.addresses.isEmpty }
        members.append(
            ("plugins", .object(reachable.map { (key: $0.id, value: .object($0.addresses.map(Self.address))) })))
        return .object(members)
    }

    private static func address(_ address: (name: String, url: String)) -> (key: String, value: JSONText) {
        (key: address.name, value: .string(address.url))
    }
}

/// The lines scripts read: addresses and readiness. Nothing else is ever written there.
enum StandardOutput {
    /// Writes without a buffer; a closed standard output is no reason to fail.
    static func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(1, $0.baseAddress, $0.count) }
            if written > 0 { rest = rest.dropFirst(written) } else if errno != EINTR { return }
        }
    }
}
