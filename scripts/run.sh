#!/bin/sh
# Serves CONFIG from the release build. The HTTP plugin, which takes minutes to build the first time, is built while the
# broker serves already, and taken in when it is there.
#
# usage: scripts/run.sh CONFIG
set -eu
cd "$(dirname "$0")/.."
config=$1
home=$(swift build -c release --show-bin-path)
(
    was_there=$([ -e "$home/libhttp.so" ] && echo yes || echo no)
    if ! scripts/build-http.sh >.build/http.log 2>&1; then
        echo "run: the HTTP plugin does not build; the broker goes on without it (see .build/http.log)" >&2
    elif [ "$was_there" = no ] && grep -Eq '^[^#]*id: http\b' "$config"; then
        # A plugin that runs is followed; one that was not there is asked for.
        "$home/hookline" plugins reload http --config "$config" >&2 || :
    fi
) &
exec "$home/hookline" serve --config "$config"
