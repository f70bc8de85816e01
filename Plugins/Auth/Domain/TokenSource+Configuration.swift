internal import PluginSDK
internal import Tokens

extension TokenSource {
    private static let keys: Set<String> = [
        "key", "secret_file", "jwks_url", "ca", "issuer", "audience", "leeway", "algorithms", "require_expiry", "user",
        "groups",
        "account",
        "claims",
    ]

    /// Reads `jwt: { key: id.pem, audience: mqtt, groups: roles }`.
    /// - Returns: `nil` when something is wrong, which is added to `faults`.
    static func read(
        _ node: ConfigurationNode, _ tools: SourceTools, _ faults: inout [ConfigurationFault]
    ) -> TokenSource? {
        let before = faults.count
        for (key, item) in zip(node.keys, node.items) where !keys.contains(key) {
            faults.append(
                ConfigurationFault(
                    item, "'\(key)' is not known in jwt; known are \(keys.sorted().joined(separator: ", "))"))
        }
        let keyFiles = open(node["key"], tools.host, &faults) as [FollowedFile<KeyFile>]
        let secrets = open(node["secret_file"], tools.host, &faults) as [FollowedFile<SecretFile>]
        let secretFiles = node["secret_file"].kind == .list ? node["secret_file"].items : [node["secret_file"]]
        for file in secretFiles where file.kind != .none { SecretFileMode.tell(file.path, tools.host) }
        let remote = remoteKeys(node, tools, &faults)
        if keyFiles.isEmpty, secrets.isEmpty, remote == nil, faults.count == before {
            let message = "jwt needs a 'key' (PEM or JSON Web Key Set), a 'jwks_url' or a 'secret_file'"
            faults.append(ConfigurationFault(node, message))
        }
        let policy = policy(node, &faults)
        guard faults.count == before else { return nil }
        return TokenSource(
            keyFiles: keyFiles, secrets: secrets, remoteKeys: remote, policy: policy, workers: tools.workers,
            host: tools.host)
    }

    private static func remoteKeys(
        _ node: ConfigurationNode, _ tools: SourceTools, _ faults: inout [ConfigurationFault]
    ) -> RemoteKeys? {
        guard node["jwks_url"].kind != .none, let url = HTTPSource.url(node["jwks_url"], &faults) else { return nil }
        let authority = node["ca"].path
        return RemoteKeys(
            RemoteKeys.Settings(url: url, authority: authority.isEmpty ? nil : authority), client: tools.client,
            host: tools.host)
    }

    /// One path, or a list of them.
    private static func open<Content: FileContent>(
        _ node: ConfigurationNode, _ host: PluginHost, _ faults: inout [ConfigurationFault]
    ) -> [FollowedFile<Content>] {
        let nodes = node.kind == .list ? node.items : node.kind == .none ? [] : [node]
        var files: [FollowedFile<Content>] = []
        for node in nodes {
            do throws(FileRefusal) {
                files.append(try FollowedFile(node.path, subject: "auth", host: host))
            } catch {
                faults += error.faults.map { ConfigurationFault(node, $0) }
            }
        }
        return files
    }

    private static func policy(_ node: ConfigurationNode, _ faults: inout [ConfigurationFault]) -> TokenPolicy {
        var policy = TokenPolicy()
        policy.issuer = node["issuer"].text.isEmpty ? nil : node["issuer"].text
        policy.audience = node["audience"].text.isEmpty ? nil : node["audience"].text
        if !node["user"].text.isEmpty { policy.userClaim = node["user"].text }
        policy.groupsClaim = node["groups"].text.isEmpty ? nil : node["groups"].text
        policy.accountClaim = node["account"].text.isEmpty ? nil : node["account"].text
        policy.claims = node["claims"].items.map(\.text)
        if node["leeway"].kind != .none {
            if let leeway = node["leeway"].duration, (0...300_000_000_000).contains(leeway) {
                policy.leeway = leeway / 1_000_000_000
            } else {
                faults.append(ConfigurationFault(node["leeway"], "leeway is a duration up to 5m, such as 30s"))
            }
        }
        if node["require_expiry"].kind != .none {
            if let requires = node["require_expiry"].boolean {
                policy.requiresExpiry = requires
            } else {
                faults.append(ConfigurationFault(node["require_expiry"], "require_expiry is true or false"))
            }
        }
        if node["algorithms"].kind != .none {
            policy.algorithms = []
            let items = node["algorithms"].kind == .list ? node["algorithms"].items : [node["algorithms"]]
            for item in items {
                guard let algorithm = SignatureAlgorithm(rawValue: item.text) else {
                    let known = SignatureAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")
                    faults.append(ConfigurationFault(item, "'\(item.text)' is not one of \(known)"))
                    continue
                }
                policy.algorithms.insert(algorithm)
            }
        }
        return policy
    }
}
