#!/usr/bin/env bash
# Line coverage of the codec and of the broker core by their unit tests (the simulation does not count), as a table:
# one row per file that has a line no test runs, and one per module. The build of its own is kept in .build-coverage.
#
# usage: scripts/coverage.sh
set -euo pipefail
cd "$(dirname "$0")/.."
build=.build-coverage
toolchain=$(dirname "$(readlink -f "$(command -v swift)")")

swift test --enable-code-coverage --build-path "$build" --disable-xctest \
    --filter '^(MQTTCodecTests|BrokerCoreTests|PluginABITests)\.' >"$build.log" 2>&1 || {
    tail -40 "$build.log"
    exit 1
}
binary=$(find "$build/debug/" -maxdepth 1 -name '*PackageTests.xctest' | head -1)
"$toolchain/llvm-cov" export -summary-only -instr-profile "$build/debug/codecov/default.profdata" "$binary" |
    python3 scripts/coverage_table.py MQTTCodec BrokerCore
rm -f "$build.log"
