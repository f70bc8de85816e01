#!/usr/bin/env python3
"""Prints the summary of `llvm-cov export` (standard input) as a table of lines, for the modules named."""
import json
import sys


def main(modules):
    files = json.load(sys.stdin)["data"][0]["files"]
    for module in modules:
        folder = f"/Sources/{module}/"
        rows = [
            (entry["filename"].split(folder, 1)[1], entry["summary"]["lines"])
            for entry in files
            if folder in entry["filename"]
        ]
        for name, lines in sorted(rows):
            if lines["covered"] < lines["count"]:
                show(f"{module}/{name}", lines["covered"], lines["count"])
        show(f"{module}, all", sum(line["covered"] for _, line in rows), sum(line["count"] for _, line in rows))


def show(name, covered, count):
    print(f"{name:<60} {covered:>6} of {count:>6} lines  {100 * covered / max(1, count):6.2f} %")


main(sys.argv[1:])
