#!/usr/bin/env python3
"""Reads the summary of `llvm-cov export` (standard input) and prints lines run per module: the files below the
threshold of their module, and the sum. Exit status 1 when a module is below its threshold.

usage: coverage_table.py MODULE=PERCENT...

A line counts once for each function or closure on it, so that the fallback of `a ?? b` counts on its own.
"""
import json
import sys


def main(thresholds):
    files = json.load(sys.stdin)["data"][0]["files"]
    is_met = True
    for module, percent in thresholds:
        folder = f"/Sources/{module}/"
        rows = [
            (entry["filename"].split(folder, 1)[1], entry["summary"]["lines"])
            for entry in files
            if folder in entry["filename"]
        ]
        for name, lines in sorted(rows):
            if not reaches(lines["covered"], lines["count"], percent):
                show(f"{module}/{name}", lines["covered"], lines["count"])
        covered = sum(lines["covered"] for _, lines in rows)
        count = sum(lines["count"] for _, lines in rows)
        show(f"{module}, all", covered, count, f"at least {percent} % asked for")
        # No line at all is a measurement that went wrong, not a success.
        is_met = is_met and count > 0 and reaches(covered, count, percent)
    return 0 if is_met else 1


def reaches(covered, count, percent):
    return 100 * covered >= percent * count


def show(name, covered, count, note=""):
    print(f"{name:<60} {covered:>6} of {count:>6} lines  {100 * covered / max(1, count):6.2f} %  {note}".rstrip())


sys.exit(main([(name, int(percent)) for name, percent in (argument.split("=") for argument in sys.argv[1:])]))
