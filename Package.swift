// swift-tools-version: 6.1
// Targets stand in dependency order. Who may import whom is a rule of the design (ARCHITECTURE.md):
// this file is where the compiler enforces it.
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("InternalImportsByDefault"),
    // Views of a plugin call that the compiler keeps from outliving it (PluginSDK).
    .enableExperimentalFeature("Lifetimes"),
]

/// A plugin is two targets: its domain (testable, exports nothing) and an entry target of a few lines that exports
/// `hl_plugin_entry_v1` and becomes the shared object `lib<id>.so`. Tests link the domain only, so that two entry
/// symbols never meet in one executable.
func plugin(_ name: String, uses: [Target.Dependency] = []) -> [Target] {
    [
        .target(
            name: "\(name)Plugin", dependencies: ["Locking", "PluginSDK"] + uses, path: "Plugins/\(name)/Domain",
            swiftSettings: settings),
        .target(
            name: "\(name)Entry",
            dependencies: [.target(name: "\(name)Plugin"), .target(name: "\(name)Note"), "PluginSDK", "PluginABI"],
            path: "Plugins/\(name)/Entry", swiftSettings: settings),
        // The ELF note, which Swift cannot place: one constant in C.
        .target(
            name: "\(name)Note", dependencies: ["PluginABI"], path: "Plugins/\(name)/Note", publicHeadersPath: "."),
    ]
}

/// The fuzz targets of `make fuzz`. They need an instrumented build, so they are there on request only.
let fuzzing: [Target] =
    Context.environment["HOOKLINE_FUZZ"] == nil
    ? []
    : [
        .target(name: "CFuzzer", path: "Fuzz/CFuzzer"),
        .executableTarget(
            name: "fuzz-decoder", dependencies: ["CFuzzer", "MQTTCodec"], path: "Fuzz/Decoder",
            swiftSettings: settings),
        .executableTarget(
            name: "fuzz-connection", dependencies: ["BrokerCore", "CFuzzer", "MQTTCodec", "StoreFormat"],
            path: "Fuzz/Connection",
            swiftSettings: settings),
    ]

let package = Package(
    name: "hookline",
    products: [
        .executable(name: "hookline-host", targets: ["hookline-host"]),
        .executable(name: "hookline", targets: ["hookline"]),
        .library(name: "auth", type: .dynamic, targets: ["AuthEntry"]),
        .library(name: "acl", type: .dynamic, targets: ["ACLEntry"]),
        .library(name: "metrics", type: .dynamic, targets: ["MetricsEntry"]),
        .library(name: "traces", type: .dynamic, targets: ["TracesEntry"]),
        .library(name: "store-sqlite", type: .dynamic, targets: ["StoreSQLiteEntry"]),
        // For LD_PRELOAD: cuts the power of a process (`hookline plugins check-store`).
        .library(name: "power-loss", type: .dynamic, targets: ["PowerLoss"]),
        // Swapped under load (make bench-swap).
        .library(name: "swap-counter", type: .dynamic, targets: ["SwapCounter"]),
        .library(name: "PluginSDK", targets: ["PluginSDK", "PluginABI"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        // C: only what Swift cannot call, each with its reason.
        .target(name: "CSystem"),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CCrypt", providers: [.apt(["libcrypt-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .target(name: "PowerLoss"),
        // Headers of libcurl are needed to build; both libraries are loaded when somebody asks for them.
        .target(name: "CCurl"),
        .target(name: "CPostgres"),
        // A signal handler must not run Swift.
        .target(name: "CContainment", dependencies: ["PluginABI"]),
        .target(name: "PluginABI", exclude: ["pkgconfig", "registry.json", "abi-1.xml"]),

        // The broker, from the wire inwards.
        .target(name: "MQTTCodec", swiftSettings: settings),
        .target(name: "Timing", swiftSettings: settings),
        .target(name: "Locking", swiftSettings: settings),
        .target(name: "Threading", dependencies: ["CSystem"], swiftSettings: settings),
        .target(name: "PluginFile", dependencies: ["PluginABI"], swiftSettings: settings),
        // What is stored, and how: the broker's rows, and the keys and values made of them.
        .target(name: "StoreFormat", swiftSettings: settings),
        .target(
            name: "BrokerCore", dependencies: ["Locking", "MQTTCodec", "PluginABI", "StoreFormat", "Timing"],
            swiftSettings: settings),
        .target(
            name: "Reactor", dependencies: ["COpenSSL", "CSystem", "Locking", "Timing"], swiftSettings: settings),
        .target(name: "PositionedYAML", dependencies: ["CYAML"], swiftSettings: settings),
        .target(name: "StrictJSON", swiftSettings: settings),
        .target(
            name: "Configuration", dependencies: ["PositionedYAML", "StrictJSON"], swiftSettings: settings),
        .target(name: "Base64Coding", swiftSettings: settings),
        .target(name: "APITokens", dependencies: ["Base64Coding", "COpenSSL"], swiftSettings: settings),
        .target(
            name: "Host",
            dependencies: [
                "Base64Coding", "BrokerCore", "Certificates", "MQTTCodec", "Reactor", "Configuration", "PositionedYAML",
                "PluginABI", "CContainment", "COpenSSL", "CSystem", "Locking", "PluginFile", "StoreFormat", "Threading",
                "Timing",
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "hookline-host", dependencies: ["Host"], path: "Sources/HostMain", swiftSettings: settings),
        .target(name: "Certificates", dependencies: ["COpenSSL"], swiftSettings: settings),
        .executableTarget(
            name: "hookline",
            dependencies: [
                "Configuration", "PositionedYAML", "MQTTCodec", "PasswordFile", "Certificates", "AccessRules",
                "PluginABI", "PluginSDK", "CSystem", "PluginFile", "StoreAccess", "StoreCheck", "StoreFormat",
                "StrictJSON", "Base64Coding", "APITokens",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], path: "Sources/CLI", swiftSettings: settings),
        // Stores without a broker: for the tool, the check that authors run, and the bench.
        .target(
            name: "StoreAccess", dependencies: ["Configuration", "Locking", "PluginABI"], swiftSettings: settings),
        .target(name: "StoreCheck", dependencies: ["Locking", "PluginABI", "StoreAccess"], swiftSettings: settings),
        .executableTarget(
            name: "store-bench", dependencies: ["PluginABI", "StoreAccess"], path: "Benchmarks/store",
            swiftSettings: settings),
        // What hooks cost, counted in instructions (make bench-hooks).
        .executableTarget(
            name: "hook-bench", dependencies: ["BrokerCore", "MQTTCodec", "PluginABI", "StoreFormat"],
            path: "Benchmarks/hooks/driver", swiftSettings: settings),
        // A Swift plugin that hands over its state (make bench-swap).
        .target(
            name: "SwapCounter", dependencies: ["PluginABI", "PluginSDK"], path: "Benchmarks/reload/counter",
            swiftSettings: settings),
        .target(name: "HooklineClient", dependencies: ["MQTTCodec"], swiftSettings: settings),

        // Plugins.
        .target(name: "PluginSDK", dependencies: ["Locking", "PluginABI"], swiftSettings: settings),
        .target(
            name: "PasswordFile", dependencies: ["Base64Coding", "CCrypt", "COpenSSL"],
            path: "Plugins/Auth/PasswordFile", swiftSettings: settings),
        .target(
            name: "Tokens", dependencies: ["Base64Coding", "COpenSSL", "StrictJSON"], path: "Plugins/Auth/Tokens",
            swiftSettings: settings),
        .target(
            name: "AccessRules", dependencies: ["PluginSDK", "PositionedYAML"], path: "Plugins/ACL/AccessRules",
            swiftSettings: settings),

        // OpenTelemetry's messages over HTTP, for the plugins that send some.
        .target(
            name: "OTLP", dependencies: ["CCurl", "CSystem", "Locking"], path: "Plugins/Metrics/OTLP",
            swiftSettings: settings),
        .target(
            name: "StoreEngine", dependencies: ["Locking", "PluginABI", "Threading"], path: "Plugins/StoreEngine",
            swiftSettings: settings),

        // A host made of C structs, for the tests of plugins.
        .target(
            name: "PluginTesting", dependencies: ["PluginSDK", "PluginABI"], path: "Tests/PluginTesting",
            swiftSettings: settings),
        .testTarget(name: "MQTTCodecTests", dependencies: ["MQTTCodec"], swiftSettings: settings),
        .testTarget(name: "TimingTests", dependencies: ["Timing"], swiftSettings: settings),
        .testTarget(name: "LockingTests", dependencies: ["Locking"], swiftSettings: settings),
        .testTarget(name: "ThreadingTests", dependencies: ["Threading"], swiftSettings: settings),
        .testTarget(name: "StoreFormatTests", dependencies: ["StoreFormat"], swiftSettings: settings),
        .testTarget(
            name: "BrokerCoreTests", dependencies: ["BrokerCore", "Locking", "MQTTCodec", "PluginABI", "StoreFormat"],
            swiftSettings: settings),
        .testTarget(
            name: "HostileTests", dependencies: ["BrokerCore", "Locking", "MQTTCodec", "StoreFormat"],
            swiftSettings: settings),
        .testTarget(
            name: "SimulationTests", dependencies: ["BrokerCore", "MQTTCodec", "PluginABI", "StoreFormat"],
            swiftSettings: settings),
        .testTarget(
            name: "ReactorTests",
            dependencies: ["Reactor", "Certificates", "COpenSSL", "CSystem", "Locking", "Timing"],
            swiftSettings: settings),
        .testTarget(name: "CertificatesTests", dependencies: ["Certificates"], swiftSettings: settings),
        .testTarget(name: "PositionedYAMLTests", dependencies: ["PositionedYAML"], swiftSettings: settings),
        .testTarget(
            name: "ConfigurationTests", dependencies: ["Configuration", "PositionedYAML"], swiftSettings: settings),
        .testTarget(name: "PluginABITests", dependencies: ["PluginABI", "BrokerCore"], swiftSettings: settings),
        // A plugin that is linked into the tests of the host, as an embedded broker has them.
        .target(
            name: "StaticFixture", dependencies: ["PluginABI"], path: "Tests/Fixtures/static",
            cSettings: [.define("HL_STATIC_PLUGIN", to: "fixture")]),
        .testTarget(
            name: "HostTests",
            dependencies: [
                "Host", "StaticFixture", "BrokerCore", "Certificates", "PluginFile", "Configuration", "PositionedYAML",
                "PluginABI", "PluginSDK", "Reactor", "COpenSSL", "CSystem", "Locking", "MQTTCodec", "StoreFormat",
            ], swiftSettings: settings),
        .testTarget(name: "CLITests", dependencies: ["hookline", "Configuration"], swiftSettings: settings),
        .testTarget(
            name: "PasswordFileTests", dependencies: ["Base64Coding", "PasswordFile"], swiftSettings: settings),
        .testTarget(name: "StrictJSONTests", dependencies: ["StrictJSON"], swiftSettings: settings),
        .testTarget(name: "APITokensTests", dependencies: ["APITokens"], swiftSettings: settings),
        .testTarget(
            name: "TokenTests", dependencies: ["Tokens"], exclude: ["make_tokens.py"], swiftSettings: settings),
        .testTarget(name: "PluginSDKTests", dependencies: ["PluginSDK"], swiftSettings: settings),
        .testTarget(
            name: "AuthPluginTests",
            dependencies: [
                "AuthPlugin", "Base64Coding", "Locking", "PasswordFile", "PluginTesting", "PluginABI", "PluginSDK",
                "Tokens",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ACLPluginTests",
            dependencies: ["ACLPlugin", "AccessRules", "PluginTesting", "PluginABI", "PluginSDK"],
            swiftSettings: settings),
        .testTarget(
            name: "MetricsPluginTests", dependencies: ["MetricsPlugin", "OTLP", "PluginSDK"], swiftSettings: settings),
        .testTarget(
            name: "TracesPluginTests", dependencies: ["Locking", "OTLP", "PluginSDK", "TracesPlugin"],
            swiftSettings: settings),
        .testTarget(
            name: "HooklineClientTests", dependencies: ["HooklineClient", "MQTTCodec"], swiftSettings: settings),
        .testTarget(
            name: "ConformanceTests", dependencies: ["BrokerCore", "MQTTCodec", "StoreFormat", "hookline-host"],
            exclude: ["statements.tsv"], swiftSettings: settings),
        .testTarget(name: "StoreEngineTests", dependencies: ["StoreEngine", "PluginABI"], swiftSettings: settings),
        .testTarget(name: "TidyTests", swiftSettings: settings),
    ] + plugin("Auth", uses: ["CCurl", "CPostgres", "CSystem", "PasswordFile", "StrictJSON", "Threading", "Tokens"])
        + plugin("ACL", uses: ["AccessRules"]) + plugin("Metrics", uses: ["CSystem", "OTLP"])
        + plugin("Traces", uses: ["OTLP"])
        + plugin("StoreSQLite", uses: ["CSQLite", "PluginABI", "StoreEngine"]) + fuzzing,
    cLanguageStandard: .c11
)

// The second engine: built where Debian's librocksdb-dev is (the Makefile looks), since few brokers need it.
if Context.environment["HOOKLINE_ROCKSDB"] == "1" {
    package.products.append(.library(name: "store-rocksdb", type: .dynamic, targets: ["StoreRocksDBEntry"]))
    package.targets.append(
        .systemLibrary(name: "CRocksDB", pkgConfig: "rocksdb", providers: [.apt(["librocksdb-dev"])]))
    package.targets += plugin("StoreRocksDB", uses: ["CRocksDB", "PluginABI", "StoreEngine"])
}

// `make simulate` and `make check-acl` need an optimised build of one suite and of what it tests, not of everything.
let suites = [
    "HOOKLINE_SIMULATION": [
        "SimulationTests", "BrokerCore", "Locking", "MQTTCodec", "PluginABI", "StoreFormat", "Timing",
    ],
    "HOOKLINE_DECISIONS": [
        "ACLPluginTests", "ACLPlugin", "AccessRules", "CYAML", "Locking", "PluginABI", "PluginSDK", "PluginTesting",
        "PositionedYAML",
    ],
]
for (variable, needed) in suites where Context.environment[variable] != nil {
    package.products = []
    package.targets.removeAll { !needed.contains($0.name) }
}
