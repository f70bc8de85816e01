#!/usr/bin/env python3
"""Walks through the pages of `clients` on a broker with many sessions, and shows what its other clients notice of it.

    python3 Benchmarks/administration/pages.py [SESSIONS]

A client publishes to itself all the while, one message after the other; each round trip is measured, first while nobody
asks anything, then while one page after the other is asked for.
"""

import json
import os
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("HOOKLINE_BUILD", ".build/release")


def string(text):
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def packet(kind, body):
    length, size = b"", len(body)
    while True:
        length += bytes([size & 127 | (128 if size > 127 else 0)])
        size >>= 7
        if size == 0:
            return bytes([kind]) + length + body


def connect(name, clean, expiry):
    properties = b"\x11" + struct.pack(">I", expiry)
    flags = 2 if clean else 0
    return packet(0x10, string("MQTT") + bytes([5, flags]) + struct.pack(">H", 0)
                  + bytes([len(properties)]) + properties + string(name))


def make_sessions(port, numbers):
    for number in numbers:
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(connect(f"session-{number}", False, 86_400))
            client.recv(64)
            client.sendall(b"\xe0\x00")


def round_trips(port, stop, times):
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(connect("self", True, 0))
        client.recv(64)
        client.sendall(packet(0x82, b"\x00\x01\x00" + string("self") + b"\x00"))
        client.recv(64)
        message = packet(0x30, string("self") + b"\x00x")
        while not stop.is_set():
            begun = time.perf_counter()
            client.sendall(message)
            client.recv(64)
            times.append((time.perf_counter() - begun) * 1e6)


def measure(port, work):
    stop, times = threading.Event(), []
    thread = threading.Thread(target=round_trips, args=(port, stop, times))
    thread.start()
    begun = time.perf_counter()
    result = work()
    took = time.perf_counter() - begun
    stop.set()
    thread.join()
    times.sort()
    return result, took, (statistics.median(times), times[int(len(times) * 0.99)], times[-1], len(times))


def walk(path):
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(path)
        lines = control.makefile("r")
        names, cursor, longest = set(), None, 0
        while True:
            request = {"command": "clients", "limit": 1000, **({"cursor": cursor} if cursor else {})}
            begun = time.perf_counter()
            control.sendall(json.dumps(request).encode() + b"\n")
            page = json.loads(lines.readline())
            longest = max(longest, time.perf_counter() - begun)
            names |= {item["client_id"] for item in page["items"]}
            cursor = page["next_cursor"]
            if cursor is None:
                return names, page["total"], longest


def main():
    sessions = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "plugins.yaml"
        config.write_text('broker: { data_dir: data, listeners: { tcp: { url: "mqtt://127.0.0.1:0", '
                          'allow_anonymous: true } }, limits: { connect_rate_per_ip: unlimited } }\n')
        ports = Path(folder) / "ports.json"
        broker = subprocess.Popen(
            [BUILD / "hookline", "serve", "-c", config, "--ports-file", ports, "--exit-with-parent"], cwd=folder,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            for line in broker.stdout:
                if line.startswith("hookline ready"):
                    break
            port = json.loads(ports.read_text())["listeners"]["tcp"]["port"]
            begun = time.perf_counter()
            makers = [threading.Thread(target=make_sessions, args=(port, range(part, sessions, 4)))
                      for part in range(4)]
            for maker in makers:
                maker.start()
            for maker in makers:
                maker.join()
            print(f"{sessions} sessions made in {time.perf_counter() - begun:.1f} s")
            _, _, idle = measure(port, lambda: time.sleep(2))
            (names, total, longest), took, busy = measure(
                port, lambda: walk(str(Path(folder) / "data/run/control.sock")))
            made = {name for name in names if name.startswith("session-")}
            print(f"{len(made)} told, total {total}: {took * 1e3:.0f} ms, the longest page {longest * 1e3:.1f} ms")
            for label, (median, p99, worst, count) in [("nobody asks", idle), ("pages", busy)]:
                print(f"{label:12} round trip of another client: median {median:.0f} us, p99 {p99:.0f} us, "
                      f"longest {worst:.0f} us ({count})")
            return 0 if len(made) == sessions else 1
        finally:
            broker.terminate()
            broker.wait(30)


if __name__ == "__main__":
    sys.exit(main())
