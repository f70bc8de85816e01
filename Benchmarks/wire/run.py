#!/usr/bin/env python3
"""Hookline and Debian's mosquitto under the same load, side by side, in alternating rounds.

The figure to trust is the broker's CPU seconds per million deliveries: rates depend on what else the machine does.
Broker and generator are pinned to different CPUs; every run starts a fresh broker; the table shows medians of the
rounds and the ratio to mosquitto. Exit 1 when a message was lost, doubled or out of order at Hookline;
docs/performance.md has the method.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

# Name of the cell, options of the generator. The window bounds what is in flight, so that no queue limit decides.
CELLS = {
    "pairs q0 64B": "--mode pairs --qos 0 --window 1000",
    "pairs q1 64B": "--mode pairs --qos 1 --window 100",
    "pairs q2 64B": "--mode pairs --qos 2 --window 100",
    "pairs q0 1KiB": "--mode pairs --qos 0 --size 1024 --window 200",
    "pairs q1 1KiB": "--mode pairs --qos 1 --size 1024 --window 100",
    "pairs q0 v5": "--mode pairs --qos 0 --window 1000 --mqtt 5",
    "pairs q1 v5": "--mode pairs --qos 1 --window 100 --mqtt 5",
    "fanout 1:100 q0": "--mode fanout --receivers 100 --window 100",
    "fanout 1:100 q1": "--mode fanout --receivers 100 --qos 1 --window 50",
    "fanin 100:1 q0": "--mode fanin --publishers 100 --window 10",
    "fanin 100:1 q1": "--mode fanin --publishers 100 --qos 1 --window 5",
    "pingpong 500": "--mode pairs --publishers 500 --window 1",
    "match 10k filters": "--mode match --receivers 100 --publishers 10 --window 100",
    "rate 5k/s q1": "--mode rate --qos 1 --rate 5000",
    "connect 10k": "--mode connect --connections 10000 --window 100",
}


def cpus(text):
    return {int(part) for part in text.split(",")}


def wait_for_port(port, process, seconds=15):
    """Until the broker answers; it has no other way to say so."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.02)
    raise SystemExit(f"the broker on port {port} did not start")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def running(command, pinned):
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, pinned))
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


@contextlib.contextmanager
def hookline(folder, pinned, options):
    ports_file = folder / "ports.json"
    command = [options.hookline, "serve", "--ephemeral", "--no-plugins", "--exit-with-parent", "--log-level", "error",
               "--ports-file", ports_file, "--set", f"broker.threads={len(pinned)}",
               "--set", "broker.session.max_inflight=1000"]
    with running([str(part) for part in command], pinned) as process:
        for line in process.stdout:
            if re.match(r"hookline ready in \d+ ms", line):
                break
        else:
            raise SystemExit(f"hookline did not start; try it: {' '.join(map(str, command))}")
        ports = json.loads(ports_file.read_text())
        yield ports["listeners"]["tcp"]["port"], ports["pid"]


@contextlib.contextmanager
def mosquitto(folder, pinned, options):
    """Its defaults drop messages at 1,000 queued and keep 20 in flight; both are lifted, and Nagle is switched off."""
    port = free_port()
    configuration = folder / "mosquitto.conf"
    configuration.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_queued_messages 0\n"
        "max_inflight_messages 1000\nset_tcp_nodelay true\nlog_type none\n")
    with running([options.mosquitto, "-c", str(configuration)], pinned) as process:
        wait_for_port(port, process)
        yield port, process.pid


BROKERS = {"hookline": hookline, "mosquitto": mosquitto}


def build_generator(folder):
    program = folder / "wireload"
    subprocess.run(
        ["cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, *sorted(HERE.glob("*.c"))],
        check=True)
    return program


def measure(generator, cell, broker, options):
    with tempfile.TemporaryDirectory() as folder, \
            BROKERS[broker](Path(folder), cpus(options.broker_cpus), options) as (port, pid):
        command = [generator, *CELLS[cell].split(), "--port", port, "--pid", pid, "--seconds", options.seconds]
        done = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cpus(options.load_cpus)))
    if done.returncode == 2 or not done.stdout:
        raise SystemExit(f"{cell}, {broker}: {done.stderr.strip()}")
    return {"cell": cell, "broker": broker, **json.loads(done.stdout)}


def faults(run):
    return {key: run[key] for key in ("lost", "duplicated", "reordered") if run[key]}


def cost(run):
    """CPU seconds per million deliveries, or per million connections."""
    return run.get("cpu_seconds_per_million", run.get("cpu_us_per_connection"))


def print_table(runs, brokers):
    def median(cell, broker, value):
        found = [value(run) for run in runs if (run["cell"], run["broker"]) == (cell, broker)]
        return statistics.median(found) if found else None

    def rate(run):
        return run.get("deliveries_per_second", run.get("connections_per_second"))

    print(f"\n{'cell':<18}" + "".join(f"{f'{name}: rate/s':>20}{'CPU s/M':>10}{'p99 us':>10}" for name in brokers)
          + (f"{'CPU ratio':>11}" if len(brokers) > 1 else ""))
    for cell in dict.fromkeys(run["cell"] for run in runs):
        line = f"{cell:<18}"
        for name in brokers:
            line += f"{median(cell, name, rate):>20,.0f}{median(cell, name, cost):>10.3f}"
            line += f"{median(cell, name, lambda run: run['p99_us']):>10,.0f}"
        if len(brokers) > 1:
            line += f"{median(cell, brokers[0], cost) / median(cell, brokers[1], cost):>11.3f}"
        print(line)
    print("p99 means something in 'rate' only: in a closed loop it is the window divided by the rate.")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2, help="measured in each run")
    parser.add_argument("--cells", default=".", help="regular expression of cell names")
    parser.add_argument("--brokers", default="hookline,mosquitto")
    parser.add_argument("--broker-cpus", default="0")
    parser.add_argument("--load-cpus", default="1" if (os.cpu_count() or 1) > 1 else "0")
    parser.add_argument("--hookline", default=str(ROOT / ".build/release/hookline"))
    parser.add_argument("--mosquitto", default=shutil.which("mosquitto") or "/usr/sbin/mosquitto")
    parser.add_argument("--out", default=str(ROOT / "bench-out"))
    parser.add_argument("--list", action="store_true", help="list the cells")
    return parser.parse_args()


def main():
    options = arguments()
    cells = [cell for cell in CELLS if re.search(options.cells, cell)]
    if options.list or not cells:
        print("\n".join(f"{cell:<18} {load}" for cell, load in CELLS.items()))
        return 0 if options.list else 2
    brokers = options.brokers.split(",")
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    generator = build_generator(out)
    runs = []
    with (out / "runs.jsonl").open("w") as log:
        for number in range(options.rounds):
            for cell in cells:
                # Turned round each time, so that drift of the machine is spread over both.
                for broker in brokers if number % 2 == 0 else reversed(brokers):
                    run = {"round": number, **measure(generator, cell, broker, options)}
                    runs.append(run)
                    print(json.dumps(run), file=log, flush=True)
                    print(f"round {number + 1} {cell:<18} {broker:<10} {cost(run):9.3f} CPU s/M  {faults(run) or ''}",
                          flush=True)
    print_table(runs, brokers)
    broken = [run for run in runs if run["broker"] == "hookline" and faults(run)]
    for run in broken:
        print(f"FAULT: {run['cell']}: {faults(run)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
