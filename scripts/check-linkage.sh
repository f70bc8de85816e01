#!/bin/sh
# The host stays small: neither it nor a shipped plugin, but for the one that speaks HTTP, may need Foundation, ICU or
# NIO at run time, the host exports no symbol of its own to plugins, and each plugin exports its one entry.
#
# usage: scripts/check-linkage.sh BUILD_DIR
set -eu
build=$1
failed=0
fail() { printf '%s\n' "linkage: $*" >&2; failed=1; }

[ -x "$build/hookline-host" ] || { fail "$build/hookline-host does not exist"; exit 1; }
for image in "$build/hookline-host" "$build"/libauth.so "$build"/libacl.so \
    "$build"/libmetrics.so "$build"/libtraces.so "$build"/libstore-sqlite.so; do
    [ -e "$image" ] || { fail "$image was not built"; continue; }
    needed=$(readelf -d "$image" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
    [ -n "$needed" ] || fail "$image: readelf names no library; the check would see nothing"
    for library in $needed; do
        case $library in
        *Foundation* | *ICU* | libicu* | *NIO* | libcurl* | libpq*) fail "$image needs $library" ;;
        esac
    done
done

entry=hl_plugin_entry_v1
dynamic() { readelf --dyn-syms -W "$1" | awk '$7 != "UND" { print $8 }' | grep -E '^hl_' || :; }
exported=$(dynamic "$build/hookline-host")
[ -z "$exported" ] || fail "hookline-host exports to plugins: $exported"
for plugin in "$build"/libauth.so "$build"/libacl.so "$build"/libmetrics.so "$build"/libtraces.so "$build"/libhttp.so \
    "$build"/libstore-*.so; do
    [ -e "$plugin" ] || continue
    exported=$(dynamic "$plugin")
    [ "$exported" = "$entry" ] || fail "$plugin exports '$exported', not $entry"
done
[ "$failed" -eq 0 ] && echo "linkage: host and small plugins are free of Foundation and NIO; only $entry is exported"
exit "$failed"
