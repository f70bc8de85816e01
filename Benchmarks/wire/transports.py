#!/usr/bin/env python3
"""What transports and limits cost: memory of silent TLS connections, time to connect, a flood from one address, ten
thousand live connections, and what others notice of clients that stall.

    python3 Benchmarks/wire/transports.py [--build .build/release] [--cells idle,connect,flood,live,stall]

Every cell starts its own broker on loopback and prints one line with what it measured and what was promised. Exit 1
when a promise was not kept. Run it on a quiet machine."""

import argparse
import asyncio
import json
import os
import resource
import ssl
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CONNACK = b"\x20\x02\x00\x00"
TLS = "cert: certs/server.pem, key: certs/server.key"


def string(text):
    return struct.pack(">H", len(text)) + text


def packet(first, body):
    assert len(body) < 128
    return bytes([first, len(body)]) + body


def connect(name):
    return packet(0x10, string(b"MQTT") + bytes([4, 2, 0, 0]) + string(name.encode()))


def subscribe(topic):
    return packet(0x82, b"\0\1" + string(topic.encode()) + b"\0")


def publish(topic, payload):
    return packet(0x30, string(topic.encode()) + payload)


class Broker:
    """A broker of one cell."""

    def __init__(self, build, folder, scheme, limits, threads):
        extra = f", {TLS}" if scheme.endswith("s") else ""
        (folder / "plugins.yaml").write_text(
            f"broker:\n  threads: {threads}\n  limits: {{ {limits} }}\n  log: {{ level: error }}\n"
            f"  listeners: {{ l: {{ url: \"{scheme}://127.0.0.1:0\", allow_anonymous: true{extra} }} }}\n")
        ports = folder / "ports.json"
        self.process = subprocess.Popen(
            [build / "hookline", "serve", "--ephemeral", "--exit-with-parent", "--config", folder / "plugins.yaml",
             "--ports-file", ports], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.process.stdout:
            if line.startswith("hookline ready"):
                break
        self.port = json.loads(ports.read_text())["listeners"]["l"]["port"]

    def resident(self):
        fields = Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGESIZE")

    def stop(self):
        self.process.terminate()
        self.process.wait()


async def client(broker, name, tls=None, wait=60):
    """A connection with its CONNACK; None when it was refused."""
    try:
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection("127.0.0.1", broker.port, ssl=tls, server_hostname="localhost" if tls else None),
            wait)
        writer.write(connect(name))
        answer = await asyncio.wait_for(reader.readexactly(4), wait)
    except (OSError, asyncio.IncompleteReadError):
        return None
    assert answer == CONNACK, answer
    return reader, writer


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


async def idle(make, trust):
    """Resident memory of one silent TLS connection with a session, handshake memory given back."""
    broker = make("mqtts", "connect_rate_per_ip: unlimited")
    # What the first connections allocate for all is not theirs.
    held = [await client(broker, f"w{n}", trust) for n in range(200)]
    before, count = broker.resident(), 2000
    for start in range(0, count, 50):
        held += await asyncio.gather(*(client(broker, f"i{start + n}", trust) for n in range(50)))
    await asyncio.sleep(1)
    each = (broker.resident() - before) / count
    print(f"idle     {each / 1024:.1f} KiB a silent TLS connection ({count} of them, session included); at most 18")
    return each <= 18 * 1024, held


async def connect_rate(make, trust):
    """Handshake, CONNECT and CONNACK at 200 new connections a second."""
    broker = make("mqtts", "connect_rate_per_ip: unlimited")
    times, tasks = [], []

    async def one(number):
        started = time.perf_counter()
        connection = await client(broker, f"c{number}", trust)
        times.append(time.perf_counter() - started)
        connection[1].close()

    begun = time.perf_counter()
    for number in range(2000):
        await asyncio.sleep(max(0, begun + number / 200 - time.perf_counter()))
        tasks.append(asyncio.create_task(one(number)))
    await asyncio.gather(*tasks)
    taken = time.perf_counter() - begun
    print(f"connect  {len(times) / taken:.0f}/s over TLS: p50 {statistics.median(times) * 1000:.1f} ms, "
          f"p99 {percentile(times, 0.99) * 1000:.1f} ms; p99 below 100")
    return percentile(times, 0.99) < 0.1 and len(times) / taken > 190, None


async def flood(make, _trust):
    """20,000 attempts from one address as fast as they go, with the limiter on."""
    broker = make("mqtt", "connect_rate_per_ip: 100/s, connect_queue: 1000, connect_queue_timeout: 10s")
    before, begun = broker.resident(), time.perf_counter()
    outcome, peak = [], 0
    gate = asyncio.Semaphore(5000)

    async def one(number):
        async with gate:
            connection = await client(broker, f"f{number}", wait=30)
            outcome.append((connection is not None, time.perf_counter() - begun))
            if connection:
                connection[1].close()

    tasks = [asyncio.create_task(one(number)) for number in range(20_000)]
    while not all(task.done() for task in tasks):
        peak = max(peak, broker.resident())
        await asyncio.sleep(0.1)
    await asyncio.gather(*tasks)
    taken = max(when for _, when in outcome)
    admitted = sum(1 for good, _ in outcome if good)
    grown, rate = peak - before, (admitted - 100) / taken
    print(f"flood    20,000 attempts in {taken:.1f} s: {admitted} admitted ({rate:.0f}/s after the first 100), "
          f"{20_000 - admitted} refused, none hung; memory grew by {grown / 2**20:.1f} MiB at most")
    return 90 <= rate <= 101 and grown < 32 << 20, None


async def live(make, _trust):
    """Ten thousand connections, each subscribed to a topic of its own and publishing to it."""
    broker = make("mqtt", "connect_rate_per_ip: unlimited")
    count, rounds = 10_000, 3
    clients = []
    for start in range(0, count, 500):
        clients += await asyncio.gather(*(client(broker, f"l{start + n}") for n in range(500)))
    assert all(clients)
    for number, (_, writer) in enumerate(clients):
        writer.write(subscribe(f"t/{number}"))
    await asyncio.gather(*(reader.readexactly(5) for reader, _ in clients))
    begun = time.perf_counter()
    for turn in range(rounds):
        for number, (_, writer) in enumerate(clients):
            writer.write(publish(f"t/{number}", b"%d" % turn))
        got = await asyncio.gather(*(
            reader.readexactly(len(publish(f"t/{number}", b"0"))) for number, (reader, _) in enumerate(clients)))
        assert all(data.endswith(b"%d" % turn) for data in got)
    taken = time.perf_counter() - begun
    print(f"live     {count} connections, {rounds} messages each in and out without a loss, "
          f"{count * rounds / taken:.0f} messages/s as this client can, "
          f"{broker.resident() / 2**20:.0f} MiB resident")
    return True, clients


async def stall(make, trust):
    """Round trips of a healthy client beside 300 stalled handshakes, 20 subscribers that do not read and 100 clients
    that write a byte now and then; the median of five rounds with and five without them, in turns."""
    broker = make("mqtts", "connect_rate_per_ip: unlimited, connect_timeout: 60s, max_output_bytes: 256KiB")
    reader, writer = await client(broker, "healthy", trust)
    writer.write(subscribe("echo"))
    await reader.readexactly(5)

    async def trips(count=3000):
        size, times = len(publish("echo", b"x" * 32)), []
        for _ in range(count):
            started = time.perf_counter()
            writer.write(publish("echo", b"x" * 32))
            await reader.readexactly(size)
            times.append(time.perf_counter() - started)
        return percentile(times, 0.99)

    await trips(500)
    alone, beside = [], []
    for _ in range(5):
        alone.append(await trips())
        held, writing = await stalled(broker, trust, writer)
        beside.append(await trips())
        writing.cancel()
        for other in held:
            other.transport.abort()
        await asyncio.sleep(0.5)
    alone, beside = statistics.median(alone), statistics.median(beside)
    print(f"stall    p99 of a round trip: {alone * 1e6:.0f} us alone, {beside * 1e6:.0f} us beside stalled handshakes, "
          f"slow readers and slow writers ({beside / alone:.2f} times); at most 1.5")
    return beside <= 1.5 * alone, None


async def stalled(broker, trust, writer):
    """Everybody who stalls, and the task in which the slow writers write."""
    hello = ssl.MemoryBIO()
    half = trust.wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost")
    try:
        half.do_handshake()
    except ssl.SSLWantReadError:
        pass
    first = hello.read()
    held = []
    for _ in range(300):
        _, stalling = await asyncio.open_connection("127.0.0.1", broker.port)
        stalling.write(first[:len(first) // 2])
        held.append(stalling)
    for number in range(20):
        slow, slow_writer = await client(broker, f"slow{number}", trust)
        slow_writer.write(subscribe("flood"))
        await slow.readexactly(5)
        slow_writer.transport.pause_reading()
        held.append(slow_writer)
    for _ in range(20_000):
        writer.write(publish("flood", b"y" * 100))
    await writer.drain()
    slow_writers = [(await client(broker, f"writer{number}", trust))[1] for number in range(100)]

    async def dribble():
        packet = publish("elsewhere", b"z" * 100)
        for position in range(10_000):
            for slow_writer in slow_writers:
                slow_writer.write(packet[position % len(packet):][:1])
            await asyncio.sleep(1)

    return held + slow_writers, asyncio.create_task(dribble())


def main():
    cells = {"idle": idle, "connect": connect_rate, "flood": flood, "live": live, "stall": stall}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=Path(".build/release"))
    parser.add_argument("--cells", default=",".join(cells))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    build = options.build.resolve()
    kept = True
    for name in options.cells.split(","):
        with tempfile.TemporaryDirectory() as folder:
            folder, started = Path(folder), []
            subprocess.run([build / "hookline", "certs", "init", folder / "certs"], check=True, capture_output=True)

            def make(scheme, limits):
                started.append(Broker(build, folder, scheme, limits, options.threads))
                return started[-1]

            try:
                trust = ssl.create_default_context(cafile=folder / "certs/ca.pem")
                good, _ = asyncio.run(cells[name](make, trust))
                kept &= good
            finally:
                for broker in started:
                    broker.stop()
    sys.exit(not kept)


if __name__ == "__main__":
    main()
