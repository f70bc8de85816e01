#!/usr/bin/env bash
# Line coverage of the codec and of the broker core by the tests that drive them without sockets: their unit tests,
# conformance over the core wire, hostile input, the plugin interface and the simulation. Prints a table and fails
# below the thresholds. What is built is a package of these targets alone, kept in .build-coverage.
#
# usage: scripts/coverage.sh
set -euo pipefail
cd "$(dirname "$0")/.."
build=.build-coverage
modules=(MQTTCodec Timing Locking StoreFormat BrokerCore PluginABI)
tests=(MQTTCodec BrokerCore Hostile Simulation PluginABI Conformance)

mkdir -p "$build/Sources" "$build/Tests"
for module in "${modules[@]}"; do ln -sfn "$PWD/Sources/$module" "$build/Sources/$module"; done
for suite in "${tests[@]}"; do ln -sfn "$PWD/Tests/${suite}Tests" "$build/Tests/${suite}Tests"; done
{
    # Tools version and settings are those of the whole.
    sed -n '1p; /^import PackageDescription/p; /^let settings/,/^]/p' Package.swift
    cat <<'SWIFT'
func tests(_ name: String, _ uses: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(name: "\(name)Tests", dependencies: uses, exclude: exclude, swiftSettings: settings)
}
let package = Package(
    name: "coverage",
    targets: [
        .target(name: "PluginABI", exclude: ["pkgconfig", "registry.json", "abi-1.xml"]),
        .target(name: "MQTTCodec", swiftSettings: settings),
        .target(name: "Timing", swiftSettings: settings),
        .target(name: "Locking", swiftSettings: settings),
        .target(name: "StoreFormat", swiftSettings: settings),
        .target(
            name: "BrokerCore", dependencies: ["Locking", "MQTTCodec", "PluginABI", "StoreFormat", "Timing"],
            swiftSettings: settings),
        tests("MQTTCodec", ["MQTTCodec"]),
        tests("BrokerCore", ["BrokerCore", "Locking", "MQTTCodec", "PluginABI", "StoreFormat"]),
        tests("Hostile", ["BrokerCore", "Locking", "MQTTCodec"]),
        tests("Simulation", ["BrokerCore", "MQTTCodec", "PluginABI", "StoreFormat"]),
        tests("PluginABI", ["PluginABI", "BrokerCore"]),
        tests("Conformance", ["BrokerCore", "MQTTCodec"], exclude: ["statements.tsv"]),
    ],
    cLanguageStandard: .c11
)
SWIFT
} >"$build/Package.swift"

log=$build/log
run() {
    if ! "$@" >"$log" 2>&1; then
        grep -E '^/.*error:|recorded an issue' "$log" | sort -u | head -40 || true
        echo "coverage: '$*' failed; everything it said is in $log" >&2
        exit 1
    fi
}

# Headers and layout say nothing about the core and belong to the place of the whole.
run env HOOKLINE_CARRIER=core swift test --package-path "$build" --enable-code-coverage --disable-xctest \
    --skip '^PluginABITests\.(HeaderTests|LayoutTests)'
binary=$(find "$build/.build/debug/" -maxdepth 1 -name '*PackageTests.xctest' | head -1)
llvm_cov=$(dirname "$(readlink -f "$(command -v swift)")")/llvm-cov
"$llvm_cov" export -summary-only -instr-profile "$build/.build/debug/codecov/default.profdata" "$binary" |
    python3 scripts/coverage_table.py MQTTCodec=100 BrokerCore=95
