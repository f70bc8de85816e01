#!/usr/bin/env python3
"""Measures what a plugin that takes two seconds for one client costs the others (make bench-slow-plugin).

usage: slow_plugin.py [--build .build/release] [--rounds 5] [--seconds 5]

Both brokers of a round load the same plugin; in one of them a client whose publishes take two seconds is busy. The p99
of the round trips of the others must stay within 1.5 times: the median over the rounds counts, and the exit code is 1
when it is more. Two minutes; run it on a quiet machine.
"""
import argparse
import gc
import json
import pathlib
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 1.5
PAIRS = 8
# What the plugin takes for the slow client, a little less: the clock of the client is not the plugin's.
SLOW = 1.9


def string(text):
    return struct.pack(">H", len(text)) + text.encode()


def packet(first, body):
    assert len(body) < 128
    return bytes([first, len(body)]) + body


class Client:
    """An MQTT 3.1.1 connection that measures round trips."""

    def __init__(self, port, name):
        self.name = name
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(packet(0x10, string("MQTT") + bytes([4, 2, 0, 60]) + string(name)))
        assert self.read(4)[3] == 0

    def read(self, count):
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise ConnectionError(f"{self.name}: closed")
            data += part
        return data

    def subscribe(self):
        self.socket.sendall(packet(0x82, b"\0\1" + string(self.name) + b"\0"))
        self.read(5)

    def round_trip(self):
        message = packet(0x30, string(self.name) + b"x")
        began = time.perf_counter()
        self.socket.sendall(message)
        self.read(len(message))
        return time.perf_counter() - began


def p99(plugin, build, seconds, is_busy):
    """Seconds of the 99th percentile of the round trips of well-behaved clients."""
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "plugins.yaml"
        config.write_text(
            'broker:\n  threads: 1\n  listeners:\n    tcp: { url: "mqtt://localhost:0", allow_anonymous: true }\n'
            f"plugins:\n  - {{ id: slow, path: {plugin} }}\n")
        ports = pathlib.Path(folder) / "ports.json"
        broker = subprocess.Popen(
            [build / "hookline", "serve", "--config", config, "--exit-with-parent", "--ports-file", ports],
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            for line in broker.stdout:
                if line.startswith("hookline ready"):
                    break
            else:
                sys.exit("the broker did not start")
            port = json.loads(ports.read_text())["listeners"]["tcp"]["port"]
            return measure(port, seconds, is_busy)
        finally:
            broker.terminate()
            broker.wait(10)


def measure(port, seconds, is_busy):
    clients = [Client(port, f"quick{number}") for number in range(PAIRS)]
    for client in clients:
        client.subscribe()
    slow = Client(port, "slow")
    slow.subscribe()
    for _ in range(200):
        for client in clients:
            client.round_trip()
    slow_trips = []
    stop = threading.Event()

    def publish_slowly():
        # One publish after the other: the plugin is never idle.
        while not stop.is_set():
            try:
                slow_trips.append(slow.round_trip())
            except (OSError, ConnectionError):
                return

    thread = threading.Thread(target=publish_slowly, daemon=True)
    trips = []
    end = time.monotonic() + seconds
    if is_busy:
        thread.start()
    gc.disable()
    while time.monotonic() < end:
        trips += [client.round_trip() for client in clients]
    gc.enable()
    stop.set()
    for client in [slow, *clients]:
        client.socket.close()
    if is_busy and (not slow_trips or min(slow_trips) < SLOW):
        sys.exit(f"the slow client was not slow, so nothing was measured: {slow_trips}")
    return statistics.quantiles(trips, n=100)[98]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / ".build/release")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for name, flags in [("pends for 2 s", []), ("blocks for 2 s", ["-DBLOCKING"])]:
            plugin = pathlib.Path(folder) / f"slow{len(flags)}.so"
            subprocess.run(
                ["gcc", "-std=gnu99", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", *flags, "-o", plugin,
                 ROOT / "Benchmarks/hooks/slow_plugin.c", f"-I{ROOT}/Sources/PluginABI/include"], check=True)
            ratios = []
            for number in range(options.rounds):
                # Alternating, so that a drift of the machine meets both.
                order = [False, True] if number % 2 == 0 else [True, False]
                took = {busy: p99(plugin, options.build.resolve(), options.seconds, busy) for busy in order}
                ratios.append(took[True] / took[False])
                print(f"{name}: p99 {took[False] * 1e6:.0f} us without, {took[True] * 1e6:.0f} us with", flush=True)
            ratio = statistics.median(ratios)
            failed |= ratio > LIMIT
            print(f"{name}: median ratio {ratio:.2f}, at most {LIMIT}: {'ok' if ratio <= LIMIT else 'TOO MUCH'}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
