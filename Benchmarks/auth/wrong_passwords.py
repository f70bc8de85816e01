#!/usr/bin/env python3
"""What 1,000 wrong passwords a second from one address cost everybody else: the p99 of their round trips must stay
within 1.5 times that of the same run without. Exit 1 when it does not.

usage: Benchmarks/auth/wrong_passwords.py [--build .build/release] [--rounds 5] [--seconds 5] [--rate 1000]

Twice: with the limit on failed log-ins, as it is by default, where all but a few are refused unseen; and without it
(`failures_allowed: 0`), where every password is queued to be hashed, and the queue says "busy" when it is full. The
median over the rounds counts. Run it on a quiet machine.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 1.5
CONFIG = """\
broker:
  listeners: {{ tcp: {{ url: "mqtt://127.0.0.1:0" }} }}
  limits: {{ connect_rate_per_ip: 100000/s }}
plugins:
  - {{ id: auth, config: {{ sources: [ {{ password_file: passwd }} ], failures_allowed: {allowed} }} }}
"""
WRONG, BUSY, WAITS = "134", "137", "159"


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=ROOT / ".build/release")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rate", type=float, default=1000)
    return parser.parse_args()


def run(load, port, options, rate):
    """The p99 of the well-behaved in microseconds, and what the others were told."""
    guess = None
    if rate:
        guess = subprocess.Popen(
            [load, "flood", str(port), str(options.seconds + 2), str(rate)], stdout=subprocess.PIPE, text=True)
    trips = subprocess.run(
        [load, "trips", str(port), str(options.seconds)], stdout=subprocess.PIPE, text=True, check=True)
    told = json.loads(guess.communicate(timeout=60)[0]) if guess else None
    return json.loads(trips.stdout)["p99_us"], told


def check(told, options):
    assert told["broken"] == 0, f"connections that broke without an answer: {told}"
    assert told["sent"] >= 0.9 * options.rate * options.seconds, f"the flood was not one: {told}"
    strange = set(told["codes"]) - {WRONG, BUSY, WAITS}
    assert not strange, f"answers other than wrong (134), busy (137) and wait (159): {told}"


def main():
    options = arguments()
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        load = Path(folder) / "load"
        source = ROOT / "Benchmarks/auth/load.c"
        subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", load, source], check=True)
        hookline = options.build.resolve() / "hookline"
        for number, (user, password) in enumerate((("alice", "wonder"), ("bob", "builder"))):
            create = ["-c"] if number == 0 else []
            subprocess.run([hookline, "passwd", *create, "-b", "passwd", user, password], cwd=folder, check=True,
                           stdout=subprocess.DEVNULL)
        os.environ["HOOKLINE_BUILD"] = str(options.build.resolve())
        sys.path.insert(0, str(ROOT / "Tests/Integration"))
        from broker import Broker
        for allowed in (10, 0):
            name = f"failures_allowed: {allowed}"
            ratios = []
            for number in range(options.rounds):
                took = {}
                # Alternating, so that a drift of the machine meets both.
                for rate in (0, options.rate) if number % 2 == 0 else (options.rate, 0):
                    with Broker(folder, config=CONFIG.format(allowed=allowed)) as broker:
                        took[rate], told = run(load, broker.port, options, rate)
                    if rate:
                        check(told, options)
                        codes = told["codes"]
                ratios.append(took[options.rate] / took[0])
                print(f"{name}: p99 {took[0]:.0f} us without, {took[options.rate]:.0f} us with; {codes}", flush=True)
            ratio = statistics.median(ratios)
            failed |= ratio > LIMIT
            print(f"{name}: median ratio {ratio:.2f}, at most {LIMIT}: {'ok' if ratio <= LIMIT else 'TOO MUCH'}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
