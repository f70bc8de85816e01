#!/usr/bin/env python3
"""Swaps plugins under load and counts what is lost: nothing may be.

usage: swap.py [--build .build/release] [--seconds 60] [--interval 0.1] [--rate 20000] [--short]

100 clients on two event loops send and receive 20,000 messages/s, half of them with QoS 1 and half with QoS 2, while an
access plugin in C (`unload: allow`, two builds in turn) and one in Swift are replaced through the control socket every
100 ms, with debounce and probation 0. Both count what they are asked and hand their count over. The access rules of the
broker itself stand behind them. The same load without swaps is the measure. Then each is swapped without load, to see
what stays in the memory; so are the access rules, which are a Swift plugin of a real one's size.

Exit 1 when a connection or a message was lost, doubled or reordered, when a count that was handed over is not the
number of messages, when p99 is more than 5 times that of the run without swaps, or when the memory grows by 100 KiB or
more per swap of a Swift plugin, or at all (2 KiB) per swap of the C plugin. --short is for `make test`: a few seconds
of a tenth of the load, and the machine may be busy: times and memory are shown and not judged. Run the long one on a
quiet machine.
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SLOWER = 5
SWIFT_GROWTH = 100 * 1024
C_GROWTH = 2 * 1024
CONFIG = """broker:
  threads: 2
  data_dir: data
  session: {{ max_inflight: 1000 }}
  reload: {{ auto: false, debounce: 0s, probation: 0s }}
  listeners: {{ tcp: {{ url: "mqtt://127.0.0.1:0", allow_anonymous: true }} }}
plugins:
  - {{ id: in-c, path: in-c.so, unload: allow }}
  - {{ id: in-swift, path: in-swift.so }}
  - {{ id: rules, path: rules.so, config: {{ file: rules.yaml }} }}
"""
RULES = 'default: deny\nrules:\n  - { publish: "#", subscribe: "#" }\n'


class Broker:
    def __init__(self, build, folder):
        self.folder = folder
        self.lines = []
        ports = folder / "ports.json"
        self.process = subprocess.Popen(
            [build / "hookline", "serve", "--config", folder / "plugins.yaml", "--exit-with-parent",
             "--ports-file", ports],
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.thread = threading.Thread(target=lambda: self.lines.extend(self.process.stderr), daemon=True)
        self.thread.start()
        for line in self.process.stdout:
            if line.startswith("hookline ready"):
                break
        else:
            self.thread.join()
            sys.exit("the broker did not start:\n" + "".join(self.lines))
        self.port = json.loads(ports.read_text())["listeners"]["tcp"]["port"]
        self.control = socket.socket(socket.AF_UNIX)
        self.control.settimeout(60)
        self.control.connect(str(folder / "data/run/control.sock"))
        self.answers = self.control.makefile("r")

    def ask(self, **request):
        self.control.sendall((json.dumps(request) + "\n").encode())
        answer = json.loads(self.answers.readline())
        if not answer["ok"]:
            sys.exit(f"{request}: {answer['error']}")
        return answer

    def resident(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024

    def stop(self):
        self.control.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(30)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.thread.join()


class Swapper:
    """Puts the next generation of both plugins in place, again and again."""

    def __init__(self, broker, builds, interval):
        self.broker, self.builds, self.interval = broker, builds, interval
        self.swaps = 0
        self.slowest = 0.0
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def swap_c(self):
        # A rename, as packages do it: whoever reads sees one file or the other.
        new = self.broker.folder / "new.so"
        shutil.copy(self.builds[self.swaps % 2], new)
        os.rename(new, self.broker.folder / "in-c.so")
        self.broker.ask(command="reload", name="in-c")

    def swap_swift(self):
        self.broker.ask(command="reload", name="in-swift")

    def swap_rules(self):
        self.broker.ask(command="reload", name="rules")

    def run(self):
        begin = time.monotonic()
        while not self.done.is_set():
            before = time.monotonic()
            self.swap_c()
            self.swap_swift()
            self.swaps += 1
            self.slowest = max(self.slowest, time.monotonic() - before)
            self.done.wait(max(0, begin + self.swaps * self.interval - time.monotonic()))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


def load(program, broker, seconds, rate):
    """Both halves of the load at once; what they found."""
    halves = [
        subprocess.Popen(
            [program, "--mode", "rate", "--qos", str(qos), "--rate", str(rate // 2), "--publishers", "25",
             "--prefix", f"swap{qos}", "--port", str(broker.port), "--pid", str(broker.process.pid),
             "--seconds", str(seconds), "--warm", "1"], stdout=subprocess.PIPE, text=True) for qos in (1, 2)]
    found = []
    for half in halves:
        text, _ = half.communicate(timeout=seconds + 120)
        if half.returncode == 2 or not text:
            sys.exit("FAIL: a connection was lost, or the generator could not run (see above)")
        found.append(json.loads(text))
    return found


def growth(broker, swap, count):
    """Bytes per swap, after some swaps for the allocator to settle."""
    for _ in range(count // 4):
        swap()
    before = broker.resident()
    for _ in range(count):
        swap()
    return (broker.resident() - before) / count


def run(options, folder, program):
    builds = []
    for build in (1, 2):
        target = folder / f"c{build}.so"
        subprocess.run(
            ["gcc", "-std=gnu11", "-O2", f"-DBUILD={build}", "-shared", "-fPIC", f"-I{ROOT}/Sources/PluginABI/include",
             "-o", target, HERE / "acl.c"], check=True)
        builds.append(target)
    shutil.copy(builds[1], folder / "in-c.so")
    shutil.copy(options.build / "libswap-counter.so", folder / "in-swift.so")
    shutil.copy(options.build / "libacl.so", folder / "rules.so")
    (folder / "plugins.yaml").write_text(CONFIG.format())
    (folder / "rules.yaml").write_text(RULES)
    failures = []
    broker = Broker(options.build, folder)
    try:
        quiet = load(program, broker, options.seconds if options.short else min(options.seconds, 20), options.rate)
        with Swapper(broker, builds, options.interval) as swapper:
            busy = load(program, broker, options.seconds, options.rate)
        sent = sum(half["sent"] for half in quiet + busy)
        for half in busy:
            for what in ("lost", "duplicated", "reordered"):
                if half[what]:
                    failures.append(f"QoS {half['qos']}: {half[what]} messages {what}")
        for before, after in zip(quiet, busy):
            ratio = after["p99_us"] / before["p99_us"]
            print(f"QoS {after['qos']}: {after['sent']} messages, lost {after['lost']}, duplicated "
                  f"{after['duplicated']}, reordered {after['reordered']}; "
                  f"p99 {before['p99_us']:.0f} us without swaps, {after['p99_us']:.0f} us with, {ratio:.1f} times, "
                  f"at most {SLOWER}")
            if ratio > SLOWER and not options.short:
                failures.append(f"QoS {after['qos']}: p99 is {ratio:.1f} times as long")
        wanted = int((options.seconds + 1) / options.interval)
        print(f"{swapper.swaps} swaps of each plugin, {wanted} asked for; the slowest pair took "
              f"{swapper.slowest * 1000:.0f} ms")
        if swapper.swaps < wanted / 2 and not options.short:
            failures.append("fewer than half of the swaps were made in time")
        count = 10 if options.short else 100
        c_growth = growth(broker, swapper.swap_c, count)
        swift_growth = {what: growth(broker, swap, count) for what, swap in
                        (("small", swapper.swap_swift), ("the access rules", swapper.swap_rules))}
        print(f"memory per swap: C {c_growth / 1024:.1f} KiB, at most {C_GROWTH / 1024:.0f}; Swift "
              + ", ".join(f"{what} {size / 1024:.1f}" for what, size in swift_growth.items())
              + f" KiB, less than {SWIFT_GROWTH / 1024:.0f}")
        if not options.short:
            if c_growth > C_GROWTH:
                failures.append("the memory grows with swaps of the C plugin")
            if max(swift_growth.values()) >= SWIFT_GROWTH:
                failures.append("the memory grows too much with swaps of a Swift plugin")
    finally:
        broker.stop()
    for language in ("build", "Swift"):
        told = (re.search(rf'bench\.counted.*message="?(\d+) in {language}', line) for line in broker.lines)
        counts = [int(match[1]) for match in told if match]
        last = counts[-1] if counts else 0
        print(f"counted through all generations of the plugin in {language.replace('build', 'C')}: {last} of {sent} "
              "messages")
        if last != sent:
            failures.append("a count that was handed over is not the number of messages")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / ".build/release")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--interval", type=float, default=0.1)
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    options.build = options.build.resolve()
    if options.short:
        options.seconds, options.rate = 3, 2_000
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        program = folder / "wireload"
        subprocess.run(
            ["gcc", "-O2", "-std=gnu11", "-o", program, *sorted((ROOT / "Benchmarks/wire").glob("*.c"))], check=True)
        failures = run(options, folder, program)
    for failure in failures:
        print(f"FAIL: {failure}")
    print("FAIL" if failures else "PASS")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
