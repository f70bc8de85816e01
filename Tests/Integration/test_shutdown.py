"""SIGTERM under load: bounded, polite, and nothing that was acknowledged is lost."""

import signal
import threading
import time

from broker import SLOW
from client import Client, V311, V5

CONFIG = """
broker:
  data_dir: data
  shutdown: { drain: %s }
  listeners: { tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true } }
plugins: [ store-sqlite ]
"""
DRAIN = 2


class Publisher(threading.Thread):
    """Publishes one message after the other, each when the one before it was acknowledged, until it is cut off."""

    def __init__(self, broker, number, qos, enough):
        super().__init__(daemon=True)
        self.client = Client(broker, f"publisher-{number}", version=V5 if number % 2 else V311).connect()
        self.number, self.qos, self.enough = number, qos, enough
        self.acknowledged = []
        self.start()

    def run(self):
        for count in range(1_000_000):
            payload = b"%d-%d" % (self.number, count)
            try:
                code = self.client.publish("load/x", payload, qos=self.qos)
            except (ConnectionError, AssertionError):
                return
            if code == 0x97:
                continue
            self.acknowledged.append(payload)
            if len(self.acknowledged) == 40:
                self.enough.release()


def drain_under_load(broker, extra):
    """Stops a broker with publishers at work; how long that took, and what was acknowledged."""
    enough = threading.Semaphore(0)
    publishers = [Publisher(broker, number, 1 + number % 2, enough) for number in range(6)]
    for _ in publishers:
        assert enough.acquire(timeout=60 * SLOW)
    begun = time.monotonic()
    broker.signal(signal.SIGTERM)
    assert broker.wait(30 * SLOW) == 0
    took = time.monotonic() - begun
    for publisher in publishers:
        publisher.join(30 * SLOW)
        if publisher.client.version == V5:
            assert publisher.client.wait_closed() == 0x8B
        publisher.client.paho.loop_stop()
    for client in extra:
        client.paho.loop_stop()
    return took, {payload for publisher in publishers for payload in publisher.acknowledged}


def test_a_stop_under_load_ends_in_time_and_loses_nothing_acknowledged(serve, threads):
    config = CONFIG % f"{DRAIN}s"
    broker = serve(config=config, plugins=True, ephemeral=False, threads=threads)
    readers = [Client(broker, f"reader-{number}", clean=False, expiry=3600).connect() for number in range(2)]
    for reader in readers:
        reader.subscribe("load/#", 2)
    away = Client(broker, "away", clean=False, expiry=3600).connect()
    away.subscribe("load/#", 2)
    away.close()
    broker.log.wait("client.disconnected .*client=away")
    # It takes messages and never acknowledges them: the drain waits for it as long as it may.
    stubborn = Client(broker, "stubborn", clean=False, expiry=3600)
    stubborn.paho.manual_ack_set(True)
    stubborn.connect().subscribe("load/#", 1)
    took, acknowledged = drain_under_load(broker, [*readers, stubborn])
    assert DRAIN <= took <= DRAIN + 2 * SLOW, "the drain period, half a second of last words, and the store"
    again = serve(config=config, plugins=True, ephemeral=False, threads=threads)
    for name, before in [("reader-0", readers[0]), ("reader-1", readers[1]), ("away", None), ("stubborn", None)]:
        seen = set()
        while before and not before.messages.empty():
            seen.add(before.messages.get().payload)
        client = Client(again, name, clean=False, expiry=3600).connect()
        assert client.session_present
        with Client(again) as last:
            last.publish("load/last", b"last", qos=2)
        seen |= set(client.until(b"last"))
        client.close()
        assert acknowledged <= seen, f"{name} lost {len(acknowledged - seen)} of {len(acknowledged)}"


def test_a_stop_is_quick_when_everybody_keeps_up(serve, threads):
    broker = serve(config=CONFIG % "30s", plugins=True, ephemeral=False, threads=threads)
    reader = Client(broker, "reader").connect()
    reader.subscribe("load/#", 1)
    took, _ = drain_under_load(broker, [reader])
    assert reader.wait_closed() == 0x8B
    assert took < 10 * SLOW, "nobody waits for a time that need not pass"
