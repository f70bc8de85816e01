#!/usr/bin/env python3
"""What durability costs: each figure beside its goal; exit 1 when one is missed.

  throughput   durable QoS 1, 10 publishers, sync: always: at least 50,000 messages/s, to persistent subscribers that
               are online, and to those and one that is offline; beside mosquitto with persistence (which does not
               flush)
  queue        a client comes back to 1,000,000 messages of 1 KiB: resident memory of the broker below 200 MB
  restart      1,000,000 retained messages and 1,000,000 sessions, each alone: ready line within 2 s
  plain        non-persistent QoS 0 and 1 with the store loaded: at most 1.05 times the CPU without

usage: Benchmarks/durability/run.py [throughput queue restart plain] [--messages N] [--sessions N] [--seconds S]
"""

import argparse
import base64
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WIRE = ROOT / "Benchmarks" / "wire"
CPUS = sorted(os.sched_getaffinity(0))
BROKER_CPUS, LOAD_CPUS = {CPUS[0]}, {CPUS[-1]}


class Broker:
    """A broker with a store in `folder`, or without one."""

    def __init__(self, options, folder, store=True, cpus=None):
        plugins = "plugins:\n  - { id: store-sqlite }\n" if store else ""
        (folder / "plugins.yaml").write_text(
            'broker:\n  data_dir: data\n  listeners: { tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true } }\n'
            "  limits: { max_retained_messages: 2000000, max_sessions: 2000000, connect_rate_per_ip: unlimited }\n"
            "  session: { max_inflight: 1000, max_queued_messages: 10000000, max_queued_bytes: 16GiB }\n"
            "  log: { level: warn }\n" + plugins)
        self.command = [
            str(options.hookline), "serve", "--config", str(folder / "plugins.yaml"), "--exit-with-parent",
            "--ports-file", str(folder / "ports.json"), "--set", f"broker.threads={len(cpus or CPUS)}"]
        self.folder, self.cpus = folder, cpus or set(CPUS)

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, self.cpus))
        for line in self.process.stdout:
            if found := re.match(r"hookline ready in (\d+) ms", line):
                self.ready = int(found[1]) / 1000
                break
        else:
            raise SystemExit(f"hookline did not start; try it: {' '.join(self.command)}")
        ports = json.loads((self.folder / "ports.json").read_text())
        self.port, self.pid = ports["listeners"]["tcp"]["port"], ports["pid"]
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def resident(self, which="VmRSS"):
        """Bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"{which}:\s+(\d+) kB", status)[1]) * 1024


@contextlib.contextmanager
def mosquitto(options, folder):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    (folder / "mosquitto.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {folder}/\n"
        "autosave_interval 1\nmax_queued_messages 0\nmax_inflight_messages 1000\nset_tcp_nodelay true\nlog_type none\n")
    process = subprocess.Popen([options.mosquitto, "-c", str(folder / "mosquitto.conf")], stderr=subprocess.DEVNULL)
    try:
        for _ in range(500):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            time.sleep(0.02)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


class Client:
    """MQTT 3.1.1 without Clean Session, in large pieces."""

    def __init__(self, port, name, clean=False):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=300)
        self.rest = b""
        self.early = []  # what came together with CONNACK
        self.send(0x10, b"\0\4MQTT\4" + bytes([2 if clean else 0]) + b"\0\0" + self.text(name))
        answer, *self.early = self.packets(1)
        assert answer[1][1] == 0, "refused"

    @staticmethod
    def text(name):
        return struct.pack(">H", len(name)) + name.encode()

    @staticmethod
    def packet(first, body):
        size, length = len(body), b""
        while True:
            length += bytes([size & 0x7F | (0x80 if size > 0x7F else 0)])
            size >>= 7
            if not size:
                return bytes([first]) + length + body

    def send(self, first, body):
        self.socket.sendall(self.packet(first, body))

    def packets(self, least):
        """At least so many packets, and all that came with them."""
        found, self.early = self.early, []
        while len(found) < least:
            data = self.socket.recv(1 << 20)
            if not data:
                raise SystemExit("the broker has closed the connection")
            data, place = self.rest + data, 0
            while place + 2 <= len(data):
                size = shift = 0
                head = place + 1
                while head < len(data):
                    byte = data[head]
                    size |= (byte & 0x7F) << shift
                    shift, head = shift + 7, head + 1
                    if byte < 0x80:
                        break
                else:
                    break
                if head + size > len(data):
                    break
                found.append((data[place], data[head:head + size]))
                place = head + size
            self.rest = data[place:]
        return found

    def publish_all(self, count, topic, payload, retain=False, window=5_000):
        """QoS 1, in pieces of a window."""
        for begin in range(0, count, window):
            size = min(window, count - begin)
            self.socket.sendall(b"".join(
                self.packet(0x32 | retain, self.text(topic(begin + number)) + struct.pack(">H", number + 1)
                            + payload(begin + number)) for number in range(size)))
            while size > 0:
                size -= len(self.packets(1))

    def close(self):
        self.socket.sendall(b"\xe0\0")
        self.socket.close()


def verdict(name, value, goal, unit, is_good):
    print(f"{name:<44} {value:>12,.2f} {unit:<14} goal {goal:<12} {'pass' if is_good else 'FAIL'}", flush=True)
    return is_good


def build_generator(folder):
    program = folder / "wireload"
    subprocess.run(["cc", "-std=gnu11", "-O2", "-o", program, *sorted(WIRE.glob("*.c"))], check=True)
    return program


def load(generator, port, pid, options, *more, cpus=None):
    command = [generator, "--mode", "pairs", "--port", port, "--pid", pid, "--seconds", options.seconds, *more]
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cpus or set(CPUS)))
    if not done.stdout:
        raise SystemExit(done.stderr.strip())
    return json.loads(done.stdout)


def throughput(options, folder):
    generator = build_generator(folder)
    is_good = True
    for who in ("online", "online and offline"):
        rates = {"hookline": [], "mosquitto": []}
        for number in range(options.rounds):
            own = folder / f"h{number}{len(who)}"
            own.mkdir()
            with Broker(options, own) as broker:
                rates["hookline"].append(durable_load(generator, broker.port, broker.pid, options, who))
            if not options.mosquitto:
                continue
            other = folder / f"m{number}{len(who)}"
            other.mkdir()
            os.chmod(other, 0o777)
            with mosquitto(options, other) as (port, pid):
                rates["mosquitto"].append(durable_load(generator, port, pid, options, who))
        rate = statistics.median(rates["hookline"])
        if rates["mosquitto"]:
            median = statistics.median(rates["mosquitto"])
            print(f"{'mosquitto, persistence true (no flush)':<44} {median:>12,.2f} messages/s")
        is_good &= verdict(f"durable QoS 1, {who}", rate, ">= 50,000", "messages/s", rate >= 50_000)
    return is_good


def durable_load(generator, port, pid, options, who):
    """Messages per second of 10 publishers, each with a subscriber that has a persistent session."""
    if "offline" in who:
        sleeper = Client(port, "sleeper")
        sleeper.send(0x82, b"\0\1" + Client.text("durable/#") + b"\1")
        sleeper.packets(1)
        sleeper.close()
    more = ("--qos", 1, "--publishers", 10, "--window", 200, "--keep", "--prefix", "durable")
    return load(generator, port, pid, options, *more)["deliveries_per_second"]


def queue(options, folder):
    payload = b"x" * 1024
    with Broker(options, folder) as broker:
        receiver = Client(broker.port, "sleeper")
        receiver.send(0x82, b"\0\1" + Client.text("t/#") + b"\1")
        receiver.packets(1)
        receiver.close()
        begun = time.monotonic()
        publisher = Client(broker.port, "publisher", clean=True)
        publisher.publish_all(
            options.messages, lambda _: "t/1", lambda number: struct.pack(">I", number) + payload[4:])
        publisher.close()
        filled = time.monotonic() - begun
        print(f"filled in {filled:.0f} s, {options.messages / filled:,.0f} messages/s, "
              f"resident {broker.resident() / 1e6:.0f} MB")
        begun = time.monotonic()
        receiver = Client(broker.port, "sleeper")
        expected = 0
        while expected < options.messages:
            answers = []
            for first, body in receiver.packets(1):
                if first >> 4 != 3:
                    continue
                place = 2 + struct.unpack(">H", body[:2])[0]
                number = struct.unpack(">I", body[place + 2:place + 6])[0]
                if number != expected:
                    raise SystemExit(f"message {number} came where {expected} was due")
                expected += 1
                answers.append(b"\x40\2" + body[place:place + 2])
            receiver.socket.sendall(b"".join(answers))
        took = time.monotonic() - begun
        peak = broker.resident("VmHWM") / 1e6
    print(f"drained in {took:.0f} s, {options.messages / took:,.0f} messages/s")
    return verdict(f"{options.messages:,} queued, most resident memory", peak, "< 200", "MB", peak < 200)


def restart(options, folder):
    retained = folder / "retained"
    retained.mkdir()
    with Broker(options, retained) as broker:
        publisher = Client(broker.port, "publisher", clean=True)
        publisher.publish_all(
            options.messages, lambda number: f"r/{number // 1000}/{number}", lambda _: b"v", retain=True)
        publisher.close()
    with Broker(options, retained) as broker:
        ready = broker.ready
        begun = time.monotonic()
        reader = Client(broker.port, "reader", clean=True)
        answered = ready + time.monotonic() - begun
        reader.send(0x82, b"\0\1" + Client.text("r/#") + b"\1")
        count = 0
        while count < options.messages:
            found = [body for first, body in reader.packets(1) if first >> 4 == 3]
            count += len(found)
            places = [2 + struct.unpack(">H", body[:2])[0] for body in found]
            answers = [b"\x40\2" + body[place:place + 2] for body, place in zip(found, places)]
            reader.socket.sendall(b"".join(answers))
    print(f"with {options.messages:,} retained messages the first client is answered after {answered:.1f} s")
    is_good = verdict(f"ready with {options.messages:,} retained", ready, "<= 2", "s", ready <= 2)
    sessions = folder / "sessions"
    (sessions / "data").mkdir(parents=True)
    with subprocess.Popen(
            [options.hookline, "store", "import", sessions / "data" / "store"], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, text=True) as tool:
        for line in session_lines(options.sessions):
            tool.stdin.write(line)
        tool.stdin.close()
        if tool.wait() != 0:
            raise SystemExit("hookline store import failed")
    with Broker(options, sessions) as broker:
        begun = time.monotonic()
        client = Client(broker.port, "session-0000000")
        answered = broker.ready + time.monotonic() - begun
        client.close()
        ready, resident = broker.ready, broker.resident() / 1e6
    print(f"with {options.sessions:,} sessions the first client is answered after {answered:.1f} s, "
          f"resident {resident:.0f} MB")
    return is_good & verdict(f"ready with {options.sessions:,} sessions", ready, "<= 2", "s", ready <= 2)


CRC_TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    CRC_TABLE.append(byte)


def record(key, fields):
    """A line of `hookline store import`: version, fields, and CRC-32C of key and value."""
    value = b"\1" + fields
    crc = 0xFFFFFFFF
    for byte in key + value:
        crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    value += struct.pack(">I", crc ^ 0xFFFFFFFF)
    return f'{{"key":"{key.hex()}","value":"{base64.b64encode(value).decode()}"}}\n'


def session_lines(count):
    """Sessions that are offline, each with one subscription, as `hookline store export` prints them."""
    since = struct.pack(">q", time.time_ns())
    yield '{"hookline_store":1,"format":1}\n'
    yield record(b"\0", struct.pack(">I", 1))
    for number in range(count):
        name, topic = f"session-{number:07}".encode(), f"s/{number:07}".encode()
        client = bytes([3, len(name)]) + name
        yield record(client + b"\1", struct.pack(">II", 86400, len(name)) + name)
        yield record(client + b"\2", since)
        yield record(client + b"\4\0" + topic, struct.pack(">BII", 1, 0, len(topic)) + topic)


def plain(options, folder):
    generator = build_generator(folder)
    is_good = True
    for qos in (0, 1):
        costs = {True: [], False: []}
        for number in range(options.rounds):
            for store in (True, False):
                own = folder / f"p{qos}{number}{store}"
                own.mkdir()
                with Broker(options, own, store, BROKER_CPUS) as broker:
                    run = load(
                        generator, broker.port, broker.pid, options, "--qos", qos, "--window", 100, cpus=LOAD_CPUS)
                costs[store].append(run["cpu_seconds_per_million"])
        ratio = min(costs[True]) / min(costs[False])
        is_good &= verdict(f"non-persistent QoS {qos}, CPU with the store", ratio, "<= 1.05", "times", ratio <= 1.05)
    return is_good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", nargs="*", default=["throughput", "queue", "restart", "plain"])
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--sessions", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--hookline", type=Path, default=ROOT / ".build/release/hookline")
    parser.add_argument("--mosquitto", default=shutil.which("mosquitto"))
    options = parser.parse_args()
    figures = {"throughput": throughput, "queue": queue, "restart": restart, "plain": plain}
    is_good = True
    for name in options.figures:
        with tempfile.TemporaryDirectory(prefix="hookline-durability-") as folder:
            is_good &= figures[name](options, Path(folder))
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
