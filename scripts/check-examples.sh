#!/bin/sh
# The C example plugins compile without a warning against the public header, as C11 and (the header alone) as C++17.
set -eu
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
include=Sources/PluginABI/include
find Examples -name '*.c' | sort >"$out/sources"
[ -s "$out/sources" ] || { echo "C examples: none found" >&2; exit 1; }
while read -r source; do
    gcc -std=c11 -Wall -Wextra -Wpedantic -Werror -O2 -shared -fPIC -I "$include" -o "$out/example.so" "$source"
done <"$out/sources"
printf '#include <hookline/plugin.h>\nint main(void) { return 0; }\n' >"$out/header.c"
gcc -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I "$include" "$out/header.c"
cp "$out/header.c" "$out/header.cpp"
gcc -x c++ -std=c++17 -Wall -Wextra -Werror -fsyntax-only -I "$include" "$out/header.cpp" 2>"$out/c++.log" || {
    # gcc without its C++ front end says so; then only C is checked.
    grep -q cc1plus "$out/c++.log" || { cat "$out/c++.log" >&2; exit 1; }
}
echo "C examples compiled: $(wc -l <"$out/sources"); the header compiles alone"
