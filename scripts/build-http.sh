#!/bin/sh
# Builds the HTTP plugin, which is a package of its own because it has dependencies of its own, and puts libhttp.so
# beside the release build of the broker, where it is looked for. Takes minutes the first time.
set -eu
cd "$(dirname "$0")/.."
build() { swift build -c release --package-path Plugins/HTTP --scratch-path .build-http "$@"; }
build --product http
home=$(swift build -c release --show-bin-path)
install -d "$home"
# Another file each time, in one step: a broker that runs has the old one mapped, or takes the new one up.
# Without what only a debugger reads it is less than half as large, and the broker makes a copy of what it loads.
strip -g -o "$home/.libhttp.so.new" "$(build --show-bin-path)/libhttp.so"
chmod 0755 "$home/.libhttp.so.new"
mv -f "$home/.libhttp.so.new" "$home/libhttp.so"
