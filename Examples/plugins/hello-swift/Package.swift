// swift-tools-version: 6.1
// swift build -c release   makes .build/release/libhello.so; then, in plugins.yaml:
//   - { id: hello, path: .../libhello.so, config: { filter: "hello/#" } }
import PackageDescription

let package = Package(
    name: "hello",
    products: [.library(name: "hello", type: .dynamic, targets: ["Hello"])],
    dependencies: [.package(name: "hookline", path: "../../..")],
    targets: [
        .target(
            name: "Hello", dependencies: [.product(name: "PluginSDK", package: "hookline")],
            swiftSettings: [.swiftLanguageMode(.v6)])
    ]
)
