#!/bin/sh
# Writes hookline.pc, so that a plugin builds with: gcc -shared -fPIC -o x.so x.c $(pkg-config --cflags hookline)
#
# usage: scripts/pkgconfig.sh INCLUDE_DIR OUTPUT
set -eu
include=$1 output=$2
version=0.1.0
mkdir -p "$(dirname "$output")"
cat >"$output" <<PC
includedir=$include

Name: hookline
Description: C hook table of the Hookline MQTT broker, for plugin authors
Version: $version
Cflags: -I\${includedir}
PC
