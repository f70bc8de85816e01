#!/usr/bin/env bash
# Fuzzes the decoder and whole connections of the broker core with libFuzzer and AddressSanitizer. Ends with 1 when an
# input broke something: the input is kept and the command that plays it again is printed.
#
# usage: scripts/fuzz.sh SECONDS [decoder|connection]      without a target: both, SECONDS each
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=$1
targets=("${@:2}")
[ ${#targets[@]} -gt 0 ] || targets=(decoder connection)
folder=.build-fuzz
# A broker per input is a lot of memory: a small quarantine gives pages that are there already back to the next one.
export HOOKLINE_FUZZ=1 SWIFT_BACKTRACE=enable=no
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:quarantine_size_mb=8:thread_local_quarantine_size_kb=1024
flags=(-c release --scratch-path "$folder" --sanitize address -Xswiftc -sanitize=fuzzer -Xswiftc -use-ld=lld)

for target in "${targets[@]}"; do
    swift build "${flags[@]}" --product "fuzz-$target"
done
build=$(swift build "${flags[@]}" --show-bin-path)
python3 Fuzz/seeds.py "$folder/seeds"

failed=0
for target in "${targets[@]}"; do
    # What an earlier run has found stays: the corpus grows from run to run.
    corpus=$folder/corpus/$target log=$folder/$target.log
    mkdir -p "$corpus" "$folder/failures"
    if "$build/fuzz-$target" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -verbosity=1 -artifact_prefix="$folder/failures/$target-" \
        "$corpus" "$folder/seeds/$target" >"$log" 2>&1; then
        sed -n 's/^stat::number_of_executed_units: */fuzz: '"$target"': /p' "$log" | sed 's/$/ inputs, 0 failures/'
    else
        failed=1
        tail -n 40 "$log" >&2
        for input in "$folder/failures/$target-"*; do
            echo "fuzz: $target failed; again with: $build/fuzz-$target $input" >&2
        done
    fi
done
exit "$failed"
