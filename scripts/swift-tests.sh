#!/usr/bin/env bash
# Runs the Swift tests that are built, and fails when a suite ran no test: a test target that lost its tests, or a
# runner that found none, must not look like success. Arguments go to `swift test`.
set -uo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT

swift test --skip-build --parallel --disable-xctest "$@" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
if ! grep -qE 'Test run with [1-9][0-9]* tests?' "$log"; then
    echo "swift-tests: the runner reported no test"
    status=1
fi
# Every directory of Tests with Swift files is a target with at least one test.
swift test list --skip-build --disable-xctest "$@" >"$log" 2>/dev/null
for directory in Tests/*Tests; do
    target=${directory#Tests/}
    if ! grep -q "^$target\." "$log"; then
        echo "swift-tests: $target has no test"
        status=1
    fi
done
exit "$status"
