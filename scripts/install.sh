#!/bin/sh
# Installs a release build. The executables and the shipped plugins stay together in lib/hookline, because the host
# looks for plugins beside itself; bin holds a link (the kernel resolves it before the tool asks where it is).
#
# usage: scripts/install.sh DESTDIR PREFIX
set -eu
cd "$(dirname "$0")/.."
dest=$1 prefix=$2
home=$dest$prefix/lib/hookline
build=$(swift build -c release --show-bin-path)

install -d "$home" "$dest$prefix/bin" "$dest$prefix/include/hookline" "$dest$prefix/lib/pkgconfig"
install -m 0755 "$build/hookline" "$build/hookline-host" "$home/"
for plugin in "$build"/lib*.so; do
    # A new inode each time: overwriting a mapped object would crash a running broker.
    [ ! -e "$plugin" ] || install -m 0755 "$plugin" "$home/"
done
ln -sfn ../lib/hookline/hookline "$dest$prefix/bin/hookline"
install -m 0644 Sources/PluginABI/include/hookline/*.h Sources/PluginABI/include/hookline/*.hpp \
    "$dest$prefix/include/hookline/"
install -d "$dest$prefix/include/hookline/services"
install -m 0644 Sources/PluginABI/include/hookline/services/*.h "$dest$prefix/include/hookline/services/"
# Relative to the file itself, as in the source tree: the installed tree can be moved.
sed 's|^includedir=.*|includedir=${pcfiledir}/../../include|' Sources/PluginABI/pkgconfig/hookline.pc \
    >"$dest$prefix/lib/pkgconfig/hookline.pc"
echo "installed: $dest$prefix/bin/hookline"
