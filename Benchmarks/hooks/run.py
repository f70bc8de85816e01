#!/usr/bin/env python3
"""Counts what hooks cost, in instructions, and holds the result against thresholds.json.

usage: run.py HOOK_BENCH

Each mode runs twice under callgrind, with few and with many messages; the difference is the cost of the messages alone.
Instructions do not depend on what else the machine does, so the thresholds can be tight."""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

FEW, MANY = 2560, 12800
FOLDER = pathlib.Path(__file__).resolve().parent


def instructions(binary, mode, messages):
    """All instructions of one run."""
    with tempfile.TemporaryDirectory() as folder:
        result = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", binary, mode, str(messages)],
            capture_output=True, text=True, timeout=300)
    if result.returncode != 0:
        sys.exit(f"hook-bench {mode} failed:\n{result.stderr}")
    found = re.search(r"Collected : (\d+)", result.stderr)
    if not found:
        sys.exit(f"callgrind said nothing of instructions:\n{result.stderr}")
    return int(found.group(1))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    cost = {}
    for mode in ["none", "unrelated", "allow", "cached"]:
        few, many = (instructions(sys.argv[1], mode, count) for count in (FEW, MANY))
        cost[mode] = (many - few) / (MANY - FEW)
    limits = json.loads((FOLDER / "thresholds.json").read_text())
    allow = (cost["allow"] / cost["none"] - 1) * 100
    rows = [
        ("nobody registered", cost["none"], None, None),
        ("an unrelated hook", cost["unrelated"] - cost["none"], limits["unrelated_over_none"], "instructions more"),
        ("allow-all on publish and delivery", allow, limits["allow_over_none_percent"], "% more"),
        ("a cached verdict", (cost["cached"] - cost["none"]) / 2, limits["cached_over_none_per_verdict"],
         "instructions each"),
    ]
    failed = False
    for name, value, limit, unit in rows:
        if limit is None:
            print(f"{name:36} {value:8.1f} instructions a message")
            continue
        verdict = "ok" if value <= limit else "TOO MUCH"
        failed |= value > limit
        print(f"{name:36} {value:8.1f} {unit}, at most {limit}: {verdict}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
