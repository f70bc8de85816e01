#!/usr/bin/env bash
# Runs the Swift tests that are built, and fails when a suite ran no test: a test target that lost its tests, or a
# runner that found none, must not look like success. Arguments go to `swift test`. Tests that failed are named again at
# the end, and in the file that FAILURES names, if it is set: a thousand lines of others follow them otherwise.
set -uo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
list=$(mktemp)
trap 'rm -f "$log" "$list"' EXIT
failures=${FAILURES:-/dev/null}

say() { printf 'swift-tests: %s\n' "$*" | tee -a "$failures"; }

swift test --skip-build --parallel --disable-xctest "$@" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
if ! grep -qE 'Test run with [1-9][0-9]* tests?' "$log"; then
    say "the runner reported no test"
    status=1
fi
# Every directory of Tests with Swift files is a target with at least one test.
swift test list --skip-build --disable-xctest "$@" >"$list" 2>/dev/null
for directory in Tests/*Tests; do
    target=${directory#Tests/}
    if ! grep -q "^$target\." "$list"; then
        say "$target has no test"
        status=1
    fi
done
if [ "$status" -ne 0 ]; then
    say "exit status $status; what failed:"
    # A runner that a signal ended says so in its last lines.
    { grep -E 'recorded an issue|[Ff]atal error|unexpected signal' "$log" | head -n 12; tail -n 3 "$log"; } \
        | cut -c 1-400 | tee -a "$failures"
fi
exit "$status"
