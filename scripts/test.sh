#!/usr/bin/env bash
# Every gate, the same on a desk and in continuous integration. A failed gate does not hide the next one: the run goes
# on where it can, and its last lines say which gates failed.
#
# usage: scripts/test.sh [quick]      quick leaves out the release build and the integration tests
set -uo pipefail
cd "$(dirname "$0")/.."
mode=${1:-full}
release=.build/release
failed=()
# What failed is said again in the last lines, where people and machines look.
FAILURES=$(mktemp)
export FAILURES
trap 'rm -f "$FAILURES"' EXIT

gate() { # NAME COMMAND...
    local name=$1 begin=$SECONDS
    shift
    printf '\n== %s\n' "$name"
    if "$@"; then
        printf -- '-- %s: ok (%d s)\n' "$name" $((SECONDS - begin))
    else
        printf -- '-- %s: FAILED (%d s)\n' "$name" $((SECONDS - begin))
        failed+=("$name")
        return 1
    fi
}

finish() {
    printf '\n'
    if [ ${#failed[@]} -eq 0 ]; then
        printf 'all gates passed in %d s\n' "$SECONDS"
        exit 0
    fi
    cat "$FAILURES"
    printf 'failed after %d s: %s\n' "$SECONDS" "$(IFS=,; echo "${failed[*]}")"
    exit 1
}

lint() {
    local paths=(Package.swift SDK/Package.swift Sources Plugins Tests Fuzz)
    [ -d Examples ] && paths+=(Examples)
    swift format lint --strict --parallel --configuration .swift-format -r "${paths[@]}"
}

# The compiler speaks only about what it compiles, so this holds on a clean build, which is what CI makes.
build_without_warnings() {
    local log status
    log=$(mktemp)
    swift build --build-tests 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    if [ "$status" -eq 0 ] && grep -E "^$PWD/(Sources|Plugins|Tests)/.*: warning: " "$log" >"$log.warnings"; then
        echo "warnings are errors here:"
        sort -u "$log.warnings"
        status=1
    fi
    rm -f "$log" "$log.warnings"
    return "$status"
}

gate "machine" scripts/setup.sh "$([ "$mode" = quick ] && echo check || echo test)" || finish
# Only now is known what this machine can build.
HOOKLINE_ROCKSDB=$(pkg-config --exists rocksdb && echo 1 || true)
export HOOKLINE_ROCKSDB
gate "format" lint
gate "C examples" scripts/check-examples.sh
gate "plugin interface" scripts/abi-check.py
gate "debug build" build_without_warnings && gate "unit tests" scripts/swift-tests.sh
[ "$mode" = quick ] && finish
# The integration tests drive the release build: it is what people get, and a debug broker is a different program.
if gate "release build" swift build -c release; then
    gate "HTTP plugin" scripts/build-http.sh
    gate "linkage" scripts/check-linkage.sh "$release"
    gate "integration tests" scripts/integration.sh "$release"
fi
finish
