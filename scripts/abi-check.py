#!/usr/bin/env python3
"""Compares the types of the plugin interface with those that were recorded, by abidiff (Debian: abigail-tools).

usage: scripts/abi-check.py [--record]

Fields and functions may be added at the end of a struct; whatever else has changed is a break of major 1 and fails.
With --record the types are written down anew, which is right when something was added.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADERS = ROOT / "Sources/PluginABI/include"
RECORD = ROOT / "Sources/PluginABI/abi-1.xml"
# What a line of the report says when something is not an addition at the end of a struct.
BREAK = re.compile(
    r"offset changed|was (added|removed)$|deletion|return type changed|type name changed|entity changed|"
    r"parameter \d+ of type '[^']*' changed|array type|Removed[^,]*[1-9]"
)


def build(folder):
    """A library with a function for every struct, so that all of them are in its debug information."""
    names = []
    for header in sorted((HEADERS / "hookline").rglob("*.h")):
        names += re.findall(r"^\}\s*(hl_\w+);|^struct (hl_\w+) \{", header.read_text(), flags=re.M)
    source, library = folder / "types.c", folder / "libtypes.so"
    lines = ["#include <hookline/plugin.h>"]
    for name in sorted({first or second for first, second in names}):
        lines.append(f"uint64_t size_of_{name}(const {name} *value);")
        lines.append(f"uint64_t size_of_{name}(const {name} *value) {{ (void)value; return sizeof({name}); }}")
    source.write_text("\n".join(lines) + "\n")
    subprocess.run(
        ["gcc", "-std=c11", "-g", "-shared", "-fPIC", f"-I{HEADERS}", "-o", library, source], check=True)
    return library


def record(library, target):
    subprocess.run(
        ["abidw", "--no-comp-dir-path", "--no-corpus-path", "--no-show-locs", "--out-file", target, library],
        check=True)


def main():
    if not shutil.which("abidiff"):
        sys.exit("abidiff is missing; apt-get install abigail-tools")
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        library = build(folder)
        now = folder / "now.xml"
        record(library, now)
        if sys.argv[1:] == ["--record"]:
            RECORD.write_text(now.read_text())
            return
        found = subprocess.run(["abidiff", "--no-show-locs", RECORD, now], capture_output=True, text=True)
    if found.returncode & 3:
        sys.exit(found.stderr or "abidiff failed")
    breaks = [line for line in found.stdout.splitlines() if BREAK.search(line.strip())]
    if found.returncode & 8 or breaks:
        sys.exit("the plugin interface has changed other than by addition:\n" + found.stdout)
    print("plugin interface: " + ("grown at its end" if found.returncode else "as recorded"))


main()
