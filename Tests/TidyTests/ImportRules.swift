/// Who may import whom (ARCHITECTURE.md). Package.swift keeps our modules apart; this also keeps the toolchain's large
/// libraries out of the broker, which the compiler would let in.
enum ImportRules {
    /// What every module may use: the standard library, the C library, and our lock.
    static let platform: Set<String> = ["Swift", "Glibc", "Synchronization", "Locking"]

    /// Folder, and what its files may import beyond `platform`. The longest folder that matches a path counts.
    static let allowed: [(folder: String, modules: Set<String>)] = [
        ("Sources/MQTTCodec", []),
        ("Sources/Timing", []),
        ("Sources/Locking", []),
        ("Sources/Threading", ["CSystem"]),
        ("Sources/StoreFormat", []),
        ("Sources/BrokerCore", ["MQTTCodec", "PluginABI", "StoreFormat", "Timing"]),
        ("Sources/Reactor", ["CSystem", "Timing", "COpenSSL"]),
        ("Sources/PositionedYAML", ["CYAML"]),
        ("Sources/Certificates", ["COpenSSL"]),
        ("Sources/Configuration", ["PositionedYAML", "StrictJSON"]),
        (
            "Sources/Host",
            [
                "Base64Coding", "BrokerCore", "Certificates", "Reactor", "Configuration", "PositionedYAML", "PluginABI",
                "CContainment", "COpenSSL", "CSystem", "Timing", "MQTTCodec", "PluginFile", "StoreFormat",
                "Threading",
            ]
        ),
        ("Sources/PluginFile", ["PluginABI"]),
        ("Sources/HostMain", ["Host"]),
        (
            "Sources/CLI",
            [
                "ArgumentParser", "Configuration", "PositionedYAML", "MQTTCodec", "PasswordFile", "Certificates",
                "AccessRules", "PluginSDK", "CSystem", "PluginFile", "StoreCheck", "StoreAccess", "StoreFormat",
                "StrictJSON", "PluginABI", "Base64Coding", "APITokens", "Foundation", "FoundationEssentials",
            ]
        ),
        ("Sources/HooklineClient", ["MQTTCodec"]),
        ("Sources/PluginSDK", ["PluginABI"]),
        ("Sources/StrictJSON", []),
        ("Sources/StoreAccess", ["Configuration", "PluginABI"]),
        ("Sources/StoreCheck", ["PluginABI", "StoreAccess"]),
        ("Plugins/StoreEngine", ["PluginABI", "Threading"]),
        ("Plugins/StoreSQLite/Domain", ["CSQLite", "PluginABI", "PluginSDK", "StoreEngine"]),
        ("Plugins/StoreRocksDB/Domain", ["CRocksDB", "PluginABI", "PluginSDK", "StoreEngine"]),
        ("Plugins/StoreRocksDB/Entry", ["StoreRocksDBPlugin", "PluginSDK", "PluginABI"]),
        ("Plugins/StoreSQLite/Entry", ["StoreSQLitePlugin", "PluginSDK", "PluginABI"]),
        ("Sources/Base64Coding", []),
        ("Sources/APITokens", ["Base64Coding", "COpenSSL"]),
        ("Plugins/Auth/PasswordFile", ["Base64Coding", "CCrypt", "COpenSSL"]),
        ("Plugins/Auth/Tokens", ["Base64Coding", "COpenSSL", "StrictJSON"]),
        (
            "Plugins/Auth/Domain",
            ["CCurl", "CPostgres", "CSystem", "PluginSDK", "PasswordFile", "StrictJSON", "Threading", "Tokens"]
        ),
        ("Plugins/Auth/Entry", ["AuthPlugin", "PluginSDK", "PluginABI"]),
        ("Plugins/ACL/AccessRules", ["PluginSDK", "PositionedYAML"]),
        ("Plugins/ACL/Domain", ["PluginSDK", "AccessRules"]),
        ("Plugins/Metrics/OTLP", ["CCurl", "CSystem"]),
        ("Plugins/Metrics/Domain", ["CSystem", "OTLP", "PluginSDK"]),
        ("Plugins/Metrics/Entry", ["MetricsPlugin", "PluginSDK", "PluginABI"]),
        ("Plugins/Traces/Domain", ["OTLP", "PluginSDK"]),
        ("Plugins/Traces/Entry", ["PluginSDK", "PluginABI", "TracesPlugin"]),
        ("Plugins/ACL/Entry", ["ACLPlugin", "PluginSDK", "PluginABI"]),
        (
            "Plugins/HTTP/Domain",
            [
                "APITokens", "Base64Coding", "Dispatch", "HTTPTypes", "HummingbirdCore", "HummingbirdTLS", "Logging",
                "MQTTCodec", "NIOCore", "NIOPosix", "NIOSSL", "PluginSDK", "ServiceLifecycle", "StrictJSON",
            ]
        ),
        ("Plugins/HTTP/Entry", ["HTTPPlugin", "PluginSDK", "PluginABI"]),
        ("Plugins/HTTP", ["PackageDescription"]),
    ]

    static func imports(_ file: SourceFile) -> [Violation] {
        guard file.isSwift, file.path.hasPrefix("Sources/") || file.path.hasPrefix("Plugins/") else { return [] }
        let owner = allowed.filter { file.path.hasPrefix($0.folder + "/") }.max { $0.folder.count < $1.folder.count }
        guard let owner else {
            return [Violation(path: file.path, line: 1, message: "no import rule for this folder; add one")]
        }
        return importedModules(of: file).compactMap { line, module in
            guard !platform.contains(module), !owner.modules.contains(module) else { return nil }
            return Violation(path: file.path, line: line, message: "\(owner.folder) may not import \(module)")
        }
    }

    static func importedModules(of file: SourceFile) -> [(line: Int, module: String)] {
        let pattern =
            #/
            ^\s* (?: @[A-Za-z_()]+ \s+ )*
            (?: (?: public | package | internal | fileprivate | private ) \s+ )?
            import \s+ (?: (?: struct | class | enum | protocol | func | var | let | typealias ) \s+ )?
            ( [A-Za-z_0-9]+ )
            /#
        return CodeMask.lines(of: file.text).enumerated().compactMap { index, line in
            guard line.contains("import") else { return nil }
            return line.firstMatch(of: pattern).map { (index + 1, String($0.1)) }
        }
    }
}
