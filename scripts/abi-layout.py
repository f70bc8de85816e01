#!/usr/bin/env python3
"""Writes down the layout of the service tables: sizes, places and the order of functions, as C assertions, and for
binding generators the place of every function in registry.json.

usage: scripts/abi-layout.py [--check]

Without an argument the assertions of Sources/PluginABI/abi_layout_services.c and "tables" of registry.json are written
anew; that is right after a table has grown at its end. With --check nothing is written, and the exit code is 1 when a
file says something else.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADERS = ROOT / "Sources/PluginABI/include"
TARGET = ROOT / "Sources/PluginABI/abi_layout_services.c"
REGISTRY = ROOT / "Sources/PluginABI/registry.json"
HEAD = """/*
 * The layout of host.h and the service tables, frozen: a change here is a break of major 1. Tables grow at their end.
 * Written by scripts/abi-layout.py.
 */
#include "hookline/plugin.h"

#define SIZE(type, size) _Static_assert(sizeof(type) == (size), "size of " #type " has changed")
#define AT(type, field, offset) \\
    _Static_assert(offsetof(type, field) == (offset), "place of " #type "." #field " has changed")
/* Every struct that may grow begins alike. */
#define BEGINS(type) \\
    AT(type, struct_size, 0); \\
    AT(type, flags, 4)

#if UINTPTR_MAX == UINT64_MAX
"""


def structs(text):
    """Name and fields of each struct of a header, in order."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    for match in re.finditer(r"(typedef )?struct (\w+) \{(.*?)\n\}\s*(\w*);", text, flags=re.S):
        fields = []
        for declaration in match.group(3).split(";"):
            declaration = " ".join(declaration.split())
            function = re.search(r"\(\*(\w+)\)", declaration)
            if function:
                fields.append(function.group(1))
            elif declaration:
                fields.append(re.search(r"(\w+)(\[\d+\])?$", declaration).group(1))
        yield match.group(4) or match.group(2), fields


def layout():
    """The assertions, with the numbers the C compiler gives."""
    lines, program = [], ["#include <hookline/plugin.h>", "#include <stdio.h>", "int main(void) {"]
    folder = HEADERS / "hookline"
    for header in [folder / "host.h", *sorted((folder / "services").glob("*.h"))]:
        program.append(f'puts("/* {header.relative_to(folder)} */");')
        for name, fields in structs(header.read_text()):
            program.append(f'printf("SIZE({name}, %zu);\\n", sizeof({name}));')
            if fields[:2] == ["struct_size", "flags"]:
                program.append(f'puts("BEGINS({name});");')
                fields = fields[2:]
            for field in fields:
                program.append(f'printf("AT({name}, {field}, %zu);\\n", offsetof({name}, {field}));')
    program.append("return 0; }")
    with tempfile.TemporaryDirectory() as scratch:
        source, binary = pathlib.Path(scratch, "layout.c"), pathlib.Path(scratch, "layout")
        source.write_text("\n".join(program))
        subprocess.run(["gcc", "-std=c11", f"-I{HEADERS}", "-o", binary, source], check=True)
        lines = subprocess.run([binary], check=True, capture_output=True, text=True).stdout
    return HEAD + lines + "\n#endif\n"


def tables():
    """Functions of each table by its name and revision, with their places: the first is 0."""
    folder = HEADERS / "hookline"
    found = {}
    for header in sorted([*folder.glob("*.h"), *(folder / "services").glob("*.h")]):
        for name, fields in structs(header.read_text()):
            match = re.fullmatch(r"hl_(\w+)_v(\d+)", name)
            if match:
                functions = [field for field in fields if field not in ("struct_size", "flags")]
                found[f"{match[1]}/{match[2]}"] = {function: place for place, function in enumerate(functions)}
    return dict(sorted(found.items()))


def main():
    registry = json.loads(REGISTRY.read_text())
    registry["tables"] = tables()
    texts = {TARGET: layout(), REGISTRY: json.dumps(registry, indent=2) + "\n"}
    for target, text in texts.items():
        if sys.argv[1:] != ["--check"]:
            target.write_text(text)
        elif target.read_text() != text:
            sys.exit(f"{target.relative_to(ROOT)} is not what the headers say; run scripts/abi-layout.py")


main()
