#!/usr/bin/env bash
# Unit tests and a short integration run with a sanitizer, in a build folder of its own.
#
# usage: scripts/sanitize.sh address|thread
set -euo pipefail
cd "$(dirname "$0")/.."
kind=$1
scripts/setup.sh test
HOOKLINE_ROCKSDB=$(pkg-config --exists rocksdb && echo 1 || true)
export HOOKLINE_ROCKSDB
flags=(--scratch-path ".build-$kind" --sanitize "$kind")
# ThreadSanitizer must see the runtime's symbols in plugins that are loaded later: the host exports them in this build.
[ "$kind" = thread ] && flags+=(-Xlinker --export-dynamic)

swift build "${flags[@]}" --build-tests
swift build "${flags[@]}"
# A reload never unmaps a Swift plugin, so what its image still holds at exit is not a leak worth a report.
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
scripts/swift-tests.sh "${flags[@]}"
HOOKLINE_SLOW=8 WORKERS=2 scripts/integration.sh "$(swift build "${flags[@]}" --show-bin-path)" -m smoke
