// swift-tools-version: 6.1
// What a plugin in a package of its own is built on (Plugins/HTTP): the Swift face of the plugin interface, and a few
// modules that know no broker. The sources are links into ../Sources. The broker's own package would not do: names of
// its targets, such as Configuration, meet those of others' packages, and SwiftPM wants them to be unique in a build.
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableExperimentalFeature("Lifetimes"),
]

let package = Package(
    name: "hookline-sdk",
    products: [
        .library(name: "PluginSDK", targets: ["PluginSDK", "PluginABI"]),
        .library(name: "MQTTCodec", targets: ["MQTTCodec"]),
        .library(name: "StrictJSON", targets: ["StrictJSON"]),
        .library(name: "Base64Coding", targets: ["Base64Coding"]),
        .library(name: "APITokens", targets: ["APITokens"]),
        .library(name: "Locking", targets: ["Locking"]),
    ],
    targets: [
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .target(name: "PluginABI", exclude: ["pkgconfig", "registry.json", "abi-1.xml"]),
        .target(name: "Locking", swiftSettings: settings),
        .target(name: "PluginSDK", dependencies: ["Locking", "PluginABI"], swiftSettings: settings),
        .target(name: "MQTTCodec", swiftSettings: settings),
        .target(name: "StrictJSON", swiftSettings: settings),
        .target(name: "Base64Coding", swiftSettings: settings),
        .target(name: "APITokens", dependencies: ["Base64Coding", "COpenSSL"], swiftSettings: settings),
    ],
    cLanguageStandard: .c11
)
