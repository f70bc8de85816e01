#!/usr/bin/env python3
"""Counts what hooks cost, in instructions, and holds the result against thresholds.json.

usage: run.py HOOK_BENCH

Each mode runs twice under callgrind, with few and with many messages; the difference is the cost of the messages alone.
Instructions do not depend on what else the machine does, so the thresholds can be tight. Nanoseconds are instructions
by NANOSECONDS_PER_INSTRUCTION: 3 GHz at one instruction per cycle, which is pessimistic for code this warm."""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

FEW, MANY = 2560, 12800
FOLDER = pathlib.Path(__file__).resolve().parent
NANOSECONDS_PER_INSTRUCTION = 1 / 3


def build_plugin(folder):
    """The plugin as the documentation builds one."""
    plugin = pathlib.Path(folder) / "bench_hooks.so"
    subprocess.run(
        ["cc", "-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", plugin,
         FOLDER / "bench_hooks.c", f"-I{FOLDER.parents[1]}/Sources/PluginABI/include"], check=True)
    return plugin


def instructions(binary, mode, messages, plugin):
    """All instructions of one run."""
    with tempfile.TemporaryDirectory() as folder:
        result = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", binary, mode, str(messages), plugin],
            capture_output=True, text=True, timeout=300)
    if result.returncode != 0:
        sys.exit(f"hook-bench {mode} failed:\n{result.stderr}")
    found = re.search(r"Collected : (\d+)", result.stderr)
    if not found:
        sys.exit(f"callgrind said nothing of instructions:\n{result.stderr}")
    return int(found.group(1))


def costs(binary):
    """Instructions of one message in each mode."""
    cost = {}
    with tempfile.TemporaryDirectory() as folder:
        plugin = build_plugin(folder)
        for mode in ["none", "unrelated", "allow", "allow2", "cached", "untraced", "unsampled"]:
            few, many = (instructions(binary, mode, count, plugin) for count in (FEW, MANY))
            cost[mode] = (many - few) / (MANY - FEW)
    return cost


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    cost = costs(sys.argv[1])
    limits = json.loads((FOLDER / "thresholds.json").read_text())
    none = cost["none"]
    cached = (cost["cached"] - none) / 2
    rows = [
        ("nobody registered", none, limits["none"], "instructions"),
        ("an unrelated hook", cost["unrelated"] - none, limits["unrelated_over_none"], "instructions more"),
        ("allow-all on publish and delivery", (cost["allow"] / none - 1) * 100, limits["allow_over_none_percent"],
         "% more"),
        ("the same in instructions", cost["allow"] - none, limits["allow_over_none"], "instructions more"),
        ("a second allow-all plugin", cost["allow2"] - cost["allow"], limits["second_over_first"],
         "instructions more"),
        ("a cached verdict", cached, limits["cached_over_none_per_verdict"], "instructions each"),
        ("tracing that has ended", cost["untraced"] - none, limits["untraced_over_none"], "instructions more"),
        ("tracing that records nothing", cost["unsampled"] - none, limits["unsampled_over_none"],
         "instructions more"),
        ("the same in time", cached * NANOSECONDS_PER_INSTRUCTION, limits["cached_nanoseconds"], "ns each"),
    ]
    failed = False
    for name, value, limit, unit in rows:
        failed |= value > limit
        print(f"{name:36} {value:8.1f} {unit}, at most {limit}: {'ok' if value <= limit else 'TOO MUCH'}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
