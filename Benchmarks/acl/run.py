#!/usr/bin/env python3
"""What a decision costs under 10 and under 10,000 access rules. Exit 1 when the many cost more than 1.5 times the few.

usage: Benchmarks/acl/run.py [BUILD_DIR]      after `make build`
"""

import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOOKLINE = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / ".build/release").resolve() / "hookline"
LIMIT = 1.5
ROUNDS = 5
TIMES = 500_000


def rules(count):
    """Rules as people write them: about users, groups, clients, addresses and everybody, all different."""
    kinds = [
        "{{ user: user-{n}, publish: 'sensors/{n}/#', subscribe: 'cmd/{n}/#' }}",
        "{{ client: client-{n}, publish: 'line/{n}/+/state' }}",
        "{{ group: group-{n}, subscribe: 'area/{n}/#' }}",
        "{{ address: 10.{high}.{low}.0/24, publish: 'gateway/{n}/#' }}",
        "{{ publish: 'public/{n}/+', subscribe: 'public/{n}/#' }}",
    ]
    lines = [kinds[n % len(kinds)].format(n=n // len(kinds), high=n // len(kinds) // 250, low=n // len(kinds) % 250)
             for n in range(count)]
    return "default: deny\nrules:\n" + "".join(f"  - {line}\n" for line in lines)


def cost(file, *question):
    done = subprocess.run(
        [HOOKLINE, "acl", "explain", "--file", file, "--times", str(TIMES), "--user", "user-1", "--client", "client-1",
         "--group", "group-1", "--address", "10.0.1.7:1", *question], capture_output=True, text=True, check=True)
    return int(re.match(r"(\d+) ns", done.stdout)[1])


QUESTIONS = {
    "allowed by the user": ("--publish", "sensors/1/temp/mean"),
    "allowed by the client": ("--publish", "line/1/a/state"),
    "allowed to everybody": ("--publish", "public/1/x"), "allowed by the group": ("--subscribe", "area/1/north/#"),
    "allowed by the address": ("--publish", "gateway/1/x"), "allowed by nobody": ("--publish", "other/1/x/y/z"),
}

with tempfile.TemporaryDirectory() as folder:
    files = {}
    for count in (10, 10_000):
        files[count] = Path(folder) / f"{count}.yaml"
        files[count].write_text(rules(count))
    worst = 0.0
    print(f"{'decision':24} {'10 rules':>10} {'10,000':>10} {'ratio':>7}")
    for name, question in QUESTIONS.items():
        pairs = [(cost(files[10], *question), cost(files[10_000], *question)) for _ in range(ROUNDS)]
        few, many = (statistics.median(pair[i] for pair in pairs) for i in (0, 1))
        worst = max(worst, many / few)
        print(f"{name:24} {few:7.0f} ns {many:7.0f} ns {many / few:7.2f}")
    print(f"worst ratio {worst:.2f}, limit {LIMIT}")
    sys.exit(worst > LIMIT)
