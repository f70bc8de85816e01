internal import PluginSDK

extension HTTPSource {
    /// Reads `http: { url: "https://id.example/login", timeout: 2s, cache: 30s }`.
    static func read(
        _ node: ConfigurationNode, host: PluginHost, _ faults: inout [ConfigurationFault]
    ) -> HTTPSource? {
        let before = faults.count
        unknownKeys(of: node, known: ["url", "timeout", "cache", "max_concurrent", "ca"], &faults)
        let url = url(node["url"], &faults)
        let timeout = duration(node["timeout"], 2_000_000_000, 100_000_000...4_000_000_000, "100ms to 4s", &faults)
        let memory = duration(node["cache"], 0, 0...3_600_000_000_000, "0s to 1h", &faults)
        let running = count(node["max_concurrent"], 4, &faults)
        guard faults.count == before, let url else { return nil }
        let authority = node["ca"].path
        let client = HTTPClient(
            url: url, timeout: Int(timeout / 1_000_000), authority: authority.isEmpty ? nil : authority)
        return HTTPSource(client: client, maximumRunning: running, memory: memory, host: host)
    }

    /// A URL that passwords and keys may travel by: https, or http to this machine.
    static func url(_ node: ConfigurationNode, _ faults: inout [ConfigurationFault]) -> String? {
        let text = node.text
        let isLocal = ["http://127.0.0.1", "http://localhost", "http://[::1]"].contains { local in
            text.hasPrefix(local) && [":", "/", nil].contains(text.dropFirst(local.count).first)
        }
        guard text.hasPrefix("https://") || isLocal, !text.utf8.contains(0) else {
            let message = "a URL that begins with https:// (http:// only to this machine); secrets travel by it"
            faults.append(ConfigurationFault(node, message))
            return nil
        }
        return text
    }
}

extension PostgresSource {
    /// Reads `postgres: { connection: "host=... dbname=...", query: "SELECT hash FROM users WHERE name = $1" }`.
    static func read(
        _ node: ConfigurationNode, host: PluginHost, _ faults: inout [ConfigurationFault]
    ) -> PostgresSource? {
        let before = faults.count
        unknownKeys(of: node, known: ["connection", "connection_file", "query", "max_connections"], &faults)
        let query = node["query"].text
        if query.isEmpty {
            let message = "postgres needs a 'query', such as \"SELECT hash FROM users WHERE name = $1\""
            faults.append(ConfigurationFault(node, message))
        }
        let connections = count(node["max_connections"], 4, &faults)
        var settings = node["connection"].text
        if node["connection_file"].kind != .none {
            do throws(FileContents.Failure) {
                let bytes = try FileContents.read(node["connection_file"].path, limit: 65_536)
                settings = String(decoding: bytes, as: UTF8.self).filter { $0 != "\n" }
            } catch {
                faults.append(ConfigurationFault(node["connection_file"], error.description))
            }
        }
        guard faults.count == before else { return nil }
        // A server that does not answer must not hold a worker longer than the log-in may take.
        return PostgresSource(
            settings: "connect_timeout=3 application_name=hookline \(settings) options='-c statement_timeout=3000'",
            query: query, maximumConnections: connections, host: host)
    }
}

private func unknownKeys(of node: ConfigurationNode, known: [String], _ faults: inout [ConfigurationFault]) {
    for (key, item) in zip(node.keys, node.items) where !known.contains(key) {
        let message = "'\(key)' is not known here; known are \(known.joined(separator: ", "))"
        faults.append(ConfigurationFault(item, message))
    }
}

/// Nanoseconds.
private func duration(
    _ node: ConfigurationNode, _ usual: Int64, _ range: ClosedRange<Int64>, _ words: String,
    _ faults: inout [ConfigurationFault]
) -> Int64 {
    guard node.kind != .none else { return usual }
    guard let value = node.duration, range.contains(value) else {
        faults.append(ConfigurationFault(node, "a duration, from \(words)"))
        return usual
    }
    return value
}

private func count(_ node: ConfigurationNode, _ usual: Int, _ faults: inout [ConfigurationFault]) -> Int {
    guard node.kind != .none else { return usual }
    guard let value = node.integer, (1...64).contains(value) else {
        faults.append(ConfigurationFault(node, "from 1 to 64"))
        return usual
    }
    return Int(value)
}
