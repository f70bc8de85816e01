#!/usr/bin/env python3
"""An author's loop: edit, gcc, and the saved .so is live, in less than a second; a broken build is refused and named.

usage: author.py [--build .build/release] [--rounds 5]

The broker runs with the settings that are the default: 250 ms of quiet before a file is looked at, and a trial in a
process of its own, from load to stop. Exit 1 when a round takes a second or longer from the start of gcc to the first
client that meets the new code, or when a broken build is not refused with its reason. On a quiet machine.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import swap

LIMIT = 1.0
CONFIG = """broker:
  data_dir: data
  listeners: { tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true } }
plugins:
  - { id: mine, path: mine.so }
"""
SOURCE = """#include <hookline/plugin.h>
static hl_verdict log_in(void *state, hl_call *call, const hl_connect *connect) {
    (void)state; (void)call; (void)connect;
    return %s;
}
static hl_status start(hl_self *self, const hl_config *config, void **state) {
    (void)config; (void)state;
    return hl_on_auth_connect(self, log_in);
}
HL_PLUGIN("bench.author", "1", HL_FREE, 0, start)
"""


def compile_in(folder, verdict):
    (folder / "mine.c").write_text(SOURCE % verdict)
    subprocess.run(
        ["gcc", "-shared", "-fPIC", f"-I{swap.ROOT}/Sources/PluginABI/include", "-o", folder / "mine.so",
         folder / "mine.c"], check=True)


def wait_for(broker, pattern, seen, seconds):
    """The first line after `seen` lines that has the pattern; None: it did not come."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for line in list(broker.lines)[seen:]:
            if re.search(pattern, line):
                return line
        time.sleep(0.002)
    return None


def run(options, folder):
    failures, times = [], []
    compile_in(folder, "HL_DENY")
    (folder / "plugins.yaml").write_text(CONFIG)
    broker = swap.Broker(options.build, folder)
    try:
        for turn in range(options.rounds):
            seen, began = len(broker.lines), time.monotonic()
            compile_in(folder, ["HL_ALLOW", "HL_DENY"][turn % 2])
            if not wait_for(broker, r"plugin\.reloaded ", seen, 20):
                failures.append("a saved file was not taken up")
                continue
            times.append(time.monotonic() - began)
        seen = len(broker.lines)
        (folder / "mine.so").write_bytes((folder / "mine.so").read_bytes()[:5000])
        line = wait_for(broker, r"plugin\.reload_refused .*kept=true", seen, 20)
        if line:
            print("a broken build: " + re.search(r"reason=(\".*?\"|\S+)", line)[1])
        else:
            failures.append("a broken build was not refused")
    finally:
        broker.stop()
    if times:
        print(f"from gcc to live: {', '.join(f'{took * 1000:.0f}' for took in times)} ms, less than {LIMIT * 1000:.0f}")
    if not times or max(times) >= LIMIT:
        failures.append("a saved file was not live within a second")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=swap.ROOT / ".build/release")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    options.build = options.build.resolve()
    with tempfile.TemporaryDirectory() as name:
        failures = run(options, pathlib.Path(name))
    for failure in failures:
        print(f"FAIL: {failure}")
    print("FAIL" if failures else "PASS")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
