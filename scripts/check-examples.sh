#!/bin/sh
# The C example plugins compile without a warning against the public header, as C11 and (the header alone) as C++17.
set -eu
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
include=Sources/PluginABI/include
compiled=0
for source in Examples/*/*.c Examples/*.c; do
    [ -e "$source" ] || continue
    gcc -std=c11 -Wall -Wextra -Wpedantic -Werror -O2 -shared -fPIC -I "$include" -o "$out/example.so" "$source"
    compiled=$((compiled + 1))
done
printf '#include <hookline/plugin.h>\nint main(void) { return 0; }\n' >"$out/header.c"
gcc -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I "$include" "$out/header.c"
cp "$out/header.c" "$out/header.cpp"
gcc -x c++ -std=c++17 -Wall -Wextra -Werror -fsyntax-only -I "$include" "$out/header.cpp" 2>"$out/c++.log" || {
    # gcc without its C++ front end says so; then only C is checked.
    grep -q cc1plus "$out/c++.log" || { cat "$out/c++.log" >&2; exit 1; }
}
echo "C examples compiled: $compiled; header compiles alone"
