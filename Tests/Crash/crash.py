#!/usr/bin/env python3
"""Kills a broker while clients publish, and checks that nothing it has acknowledged is lost.

Publishers at QoS 1 and 2 and one of retained messages, subscribers that are online, and one that is offline most of the
time: after every kill -9 the broker starts again with what its store has. Zero acknowledged messages lost, zero QoS 2
duplicates, order kept, sessions and the retained message right; exit code 1 otherwise.

The broker is killed at random moments; with --power it loses its power: in round n at the n-th flush of its life, from
the first of its start on, and what it had written and not flushed is lost, torn or kept (Sources/PowerLoss).

usage: Tests/Crash/crash.py [--rounds 200] [--seed N] [--store store-sqlite] [--threads 2] [--power]
"""

import argparse
import asyncio
import contextlib
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Integration"))
from broker import BUILD, SLOW, Broker  # noqa: E402
from peer import PUBLISH, Broken, Peer, Publisher, Subscriber  # noqa: E402

CONFIG = """
broker:
  data_dir: data
  listeners: {{ tcp: {{ url: "mqtt://127.0.0.1:0", allow_anonymous: true }} }}
  session: {{ max_queued_messages: 10000000, max_queued_bytes: 4GiB }}
plugins:
  - {{ id: {store} }}
"""


class Reader(Peer):
    """Looks at the retained message of a topic, with a new session each time."""

    def __init__(self):
        super().__init__("reader")
        self.found = asyncio.Queue()

    def take(self, first, body):
        if first >> 4 == PUBLISH:
            self.found.put_nowait(int(body.rsplit(b" ", 1)[1]))

    async def retained(self, port, topic):
        await self.connect(port, clean=True)
        self.link.send(0x82, b"\0\1\0\0" + bytes([len(topic)]) + topic.encode() + b"\0")
        while self.found.empty():
            self.take(*await asyncio.wait_for(self.link.receive(), 20 * SLOW))
        self.link.writer.close()
        return self.found.get_nowait()


class Run:
    def __init__(self, arguments, folder):
        self.random = random.Random(arguments.seed)
        self.rounds = arguments.rounds
        self.has_power_cuts = arguments.power
        self.store = Path(folder) / "data" / "store"
        #: Rounds in which the power failed before the broker was ready.
        self.early_cuts = 0
        self.broker = Broker(
            folder, config=CONFIG.format(store=arguments.store), ephemeral=False, threads=arguments.threads)
        self.publishers = [
            Publisher("one", "t/1", 1), Publisher("two", "t/2", 2), Publisher("three", "t/2", 2),
            Publisher("kept", "r", 1, retain=True)]
        self.subscribers = [Subscriber(f"s{number}", "t/#") for number in range(3)]
        self.sleeper = Subscriber("sleeper", "t/#")
        self.tasks = []

    def watch(self, peers):
        self.tasks += [asyncio.create_task(peer.run(self.broker.port)) for peer in peers]

    async def round(self, number):
        if self.has_power_cuts:
            await self.power_round(number)
            return
        self.broker.start()
        await self.check_retained()
        self.watch_everybody()
        await self.until(time.monotonic() + self.random.choice([0.02, 0.1, 0.3]) * self.random.random() + 0.03)
        self.broker.signal(signal.SIGKILL)
        self.broker.wait()
        self.broker.stop()
        await self.gather()

    async def power_round(self, number):
        """The power fails at flush number + 1 of this broker."""
        self.broker.environment.update(
            LD_PRELOAD=str(BUILD / "libpower-loss.so"), HOOKLINE_POWER_FOLDER=str(self.store),
            HOOKLINE_POWER_SYNC=str(number + 1), HOOKLINE_POWER_SEED=str(self.random.getrandbits(32)))
        try:
            self.broker.start()
            await self.check_retained()
        except (AssertionError, ConnectionError, asyncio.IncompleteReadError, OSError, TimeoutError):
            # Its end is what the round is about; a broker that lives has no excuse.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.broker.wait(1)
            if self.broker.process.returncode != -signal.SIGKILL:
                raise
            self.early_cuts += 1
        else:
            self.watch_everybody()
            deadline = time.monotonic() + 20 * SLOW
            while self.broker.process.poll() is None:
                if time.monotonic() > deadline:
                    raise Broken(f"no flush number {number + 1} though everybody publishes")
                await self.until(time.monotonic() + 0.005)
        self.broker.stop()
        await self.gather()

    def power_returns(self):
        for name in ("LD_PRELOAD", "HOOKLINE_POWER_FOLDER", "HOOKLINE_POWER_SYNC", "HOOKLINE_POWER_SEED"):
            self.broker.environment.pop(name, None)

    async def check_retained(self):
        kept = self.publishers[-1]
        if kept.acknowledged_up_to:
            found = await Reader().retained(self.broker.port, "r")
            if not kept.acknowledged_up_to <= found <= kept.sent:
                raise Broken(f"retained {found}, acknowledged was {kept.acknowledged_up_to} of {kept.sent}")

    def watch_everybody(self):
        self.watch(self.publishers + self.subscribers)
        if self.random.random() < 0.25:
            self.watch([self.sleeper])

    async def until(self, deadline):
        while time.monotonic() < deadline:
            await asyncio.sleep(0.005)
            self.raise_failures()

    def raise_failures(self):
        for task in self.tasks:
            if task.done() and task.exception():
                raise task.exception()

    async def gather(self):
        if not self.tasks:
            return
        done, waiting = await asyncio.wait(self.tasks, timeout=20 * SLOW)
        self.raise_failures()
        if waiting:
            raise Broken("a connection outlived its broker")
        self.tasks = []

    async def drain(self):
        """At the end everything that was sent is acknowledged and has reached everybody."""
        for publisher in self.publishers:
            publisher.is_stopping = True
        self.power_returns()
        self.broker.start()
        everybody = self.subscribers + [self.sleeper]
        self.watch(self.publishers + everybody)
        deadline = time.monotonic() + 120 * SLOW

        def is_complete():
            return not any(publisher.under_way for publisher in self.publishers) and all(
                len(subscriber.numbers.get(publisher.name, [])) == publisher.sent
                for subscriber in everybody for publisher in self.publishers[:-1])

        while not is_complete():
            if time.monotonic() > deadline:
                state = [(s.name, p.name, len(s.numbers.get(p.name, [])), p.sent)
                         for s in everybody for p in self.publishers[:-1]]
                raise Broken(f"acknowledged and never delivered (receiver, publisher, received, sent): {state}")
            await self.until(time.monotonic() + 0.05)
        self.broker.stop()
        await self.gather()

    async def run(self):
        self.broker.start()
        for subscriber in [*self.subscribers, self.sleeper]:
            await subscriber.subscribe(self.broker.port)
        self.broker.signal(signal.SIGKILL)
        self.broker.stop()
        for number in range(self.rounds):
            try:
                await self.round(number)
            except Broken as problem:
                raise Broken(f"after {number} kills: {problem}") from None
        await self.drain()
        return sum(publisher.sent for publisher in self.publishers)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=time.time_ns() & 0xFFFFFF)
    parser.add_argument("--store", default="store-sqlite")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--power", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hookline-crash-") as folder:
        run = Run(arguments, folder)
        begun = time.monotonic()
        try:
            messages = asyncio.run(run.run())
        except Broken as problem:
            print(f"FAILED (--seed {arguments.seed}): {problem}", file=sys.stderr)
            print("\n".join(run.broker.log.lines[-15:]), file=sys.stderr)
            return 1
        finally:
            run.broker.stop()
        how = f"power cuts ({run.early_cuts} of them before the broker was ready)" if arguments.power else "kills"
        print(
            f"{arguments.rounds} {how}, {messages} messages in {time.monotonic() - begun:.0f} s: nothing acknowledged "
            f"is lost, no QoS 2 message came twice, order, sessions and retained messages are right "
            f"(--seed {arguments.seed})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
