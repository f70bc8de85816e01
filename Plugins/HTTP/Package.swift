// swift-tools-version: 6.2
// A plugin with dependencies of its own is a package of its own: the broker's package does not know Hummingbird, and
// whoever builds the broker alone never compiles it. scripts/build-http.sh builds this one and puts libhttp.so beside
// the broker.
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableExperimentalFeature("Lifetimes"),
]

let package = Package(
    name: "hookline-http",
    products: [
        .library(name: "http", type: .dynamic, targets: ["HTTPEntry"])
    ],
    dependencies: [
        .package(path: "../../SDK"),
        // No traits: neither swift-configuration nor the whole of Foundation, of which ICU alone is 41 MB.
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0", traits: []),
        .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.0.0"),
    ],
    targets: [
        .target(
            name: "HTTPPlugin",
            dependencies: [
                .product(name: "PluginSDK", package: "SDK"),
                .product(name: "MQTTCodec", package: "SDK"),
                .product(name: "StrictJSON", package: "SDK"),
                .product(name: "Base64Coding", package: "SDK"),
                .product(name: "Locking", package: "SDK"),
                .product(name: "APITokens", package: "SDK"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            path: "Domain", swiftSettings: settings),
        .target(
            name: "HTTPEntry",
            dependencies: ["HTTPPlugin", "HTTPNote", .product(name: "PluginSDK", package: "SDK")],
            path: "Entry", swiftSettings: settings),
        .target(
            name: "HTTPNote", dependencies: [.product(name: "PluginSDK", package: "SDK")], path: "Note",
            publicHeadersPath: "."),
    ],
    cLanguageStandard: .c11
)
