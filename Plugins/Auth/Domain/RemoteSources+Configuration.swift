internal import PluginSDK

extension HTTPSource {
    /// Reads `http: { url: "https://id.example/login", timeout: 2s, cache: 30s }`.
    static func read(
        _ node: ConfigurationNode, _ tools: SourceTools, _ faults: inout [ConfigurationFault]
    ) -> HTTPSource? {
        let before = faults.count
        unknownKeys(of: node, known: ["url", "timeout", "cache", "max_concurrent", "ca"], &faults)
        let url = url(node["url"], &faults)
        let timeout = duration(node["timeout"], 2_000_000_000, 100_000_000...4_000_000_000, "100ms to 4s", &faults)
        let memory = duration(node["cache"], 0, 0...3_600_000_000_000, "0s to 1h", &faults)
        let running = count(node["max_concurrent"], 32, 1...1_000, &faults)
        guard faults.count == before, let url else { return nil }
        let authority = node["ca"].path
        let settings = Settings(
            url: url, timeout: Int(timeout / 1_000_000), authority: authority.isEmpty ? nil : authority,
            maximumRunning: running, memory: memory)
        return HTTPSource(settings, client: tools.client, limiter: tools.limiter, host: tools.host)
    }

    /// A URL that passwords and keys may travel by: https, or http to this machine.
    static func url(_ node: ConfigurationNode, _ faults: inout [ConfigurationFault]) -> String? {
        let text = node.text
        let isEncrypted = text.hasPrefix("https://") && text.count > "https://".count
        guard isEncrypted || isLocal(text), !text.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) else {
            let message = "a URL that begins with https:// (http:// only to this machine); secrets travel by it"
            faults.append(ConfigurationFault(node, message))
            return nil
        }
        return text
    }

    /// What stands before an `@` is no host: "http://localhost:x@id.example/" leads elsewhere.
    private static func isLocal(_ text: String) -> Bool {
        guard text.hasPrefix("http://") else { return false }
        let authority = text.dropFirst("http://".count).prefix { !["/", "?", "#"].contains($0) }
        return ["127.0.0.1", "localhost", "[::1]"].contains { host in
            guard authority.hasPrefix(host) else { return false }
            let port = authority.dropFirst(host.count)
            return port.isEmpty || (port.first == ":" && port.dropFirst().allSatisfy { ("0"..."9").contains($0) })
        }
    }
}

extension PostgresSource {
    /// Reads `postgres: { connection: "host=... dbname=...", query: "SELECT hash FROM users WHERE name = $1" }`.
    static func read(
        _ node: ConfigurationNode, _ tools: SourceTools, _ faults: inout [ConfigurationFault]
    ) -> PostgresSource? {
        let before = faults.count
        unknownKeys(of: node, known: ["connection", "connection_file", "query", "max_connections"], &faults)
        let query = node["query"].text
        if query.isEmpty {
            let message = "postgres needs a 'query', such as \"SELECT hash FROM users WHERE name = $1\""
            faults.append(ConfigurationFault(node, message))
        }
        let connections = count(node["max_connections"], 4, 1...64, &faults)
        var settings = node["connection"].text
        if node["connection_file"].kind != .none {
            SecretFileMode.tell(node["connection_file"].path, tools.host)
            do throws(FileContents.Failure) {
                let bytes = try FileContents.read(node["connection_file"].path, limit: 65_536)
                settings = String(String(decoding: bytes, as: UTF8.self).map { $0.isNewline ? " " : $0 })
            } catch {
                faults.append(ConfigurationFault(node["connection_file"], error.description))
            }
        }
        if isUnprotected(settings) {
            let message =
                "a database on another machine needs to say how the connection is protected; add 'sslmode=verify-full "
                + "sslrootcert=FILE' (or, on a network that you trust, sslmode=disable)"
            faults.append(ConfigurationFault(node, message))
        }
        guard faults.count == before else { return nil }
        // A server that does not answer must not hold a connection longer than the log-in may take.
        let source = Settings(
            connection: "connect_timeout=3 application_name=hookline \(settings) options='-c statement_timeout=3000'",
            query: query, maximumConnections: connections)
        return PostgresSource(source, hashing: tools.workers, limiter: tools.limiter, host: tools.host)
    }

    /// libpq takes what it is given: without `sslmode`, whoever is on the way to another machine can answer for it.
    static func isUnprotected(_ settings: String) -> Bool {
        var isRemote = false
        for word in settings.split(separator: " ") {
            let parts = word.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != "'" } }
            guard parts.count == 2 else { continue }
            if parts[0] == "sslmode" { return false }
            guard ["host", "hostaddr"].contains(parts[0]) else { continue }
            let isLocal = parts[1].hasPrefix("/") || ["localhost", "127.0.0.1", "::1"].contains(parts[1])
            isRemote = isRemote || !isLocal
        }
        return isRemote
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

private func count(
    _ node: ConfigurationNode, _ usual: Int, _ range: ClosedRange<Int64>, _ faults: inout [ConfigurationFault]
) -> Int {
    guard node.kind != .none else { return usual }
    guard let value = node.integer, range.contains(Int64(value)) else {
        faults.append(ConfigurationFault(node, "from \(range.lowerBound) to \(range.upperBound)"))
        return usual
    }
    return Int(value)
}
