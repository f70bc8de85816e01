"""A broker with a store: what it has acknowledged is there after its end, however it ended."""

import os
import signal
import subprocess
import sys

import pytest

from broker import BUILD, ROOT, SLOW
from client import V5, V311, Client, Refused, properties

CONFIG = """
broker:
  data_dir: data
  listeners: { tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true } }
plugins:
  - { id: store-sqlite }
"""


@pytest.fixture
def durable(serve, tmp_path):
    """Starts, and starts again, a broker on the same folder."""
    def start(threads=1, **options):
        return serve(config=CONFIG, ephemeral=False, threads=threads, **options)
    return start


def end(broker, how):
    if how == "kill":
        broker.signal(signal.SIGKILL)
        broker.wait()
    broker.stop()


@pytest.mark.parametrize("how", ["kill", "stop"])
@pytest.mark.parametrize("version", [V311, V5])
def test_sessions_queues_and_retained_messages_survive(durable, threads, how, version):
    """Subscriptions, queued messages and retained messages are there after a restart"""
    broker = durable(threads)
    kept = {"version": version, "clean": False, "expiry": 1000}
    with Client(broker, "sleeper", **kept) as sleeper:
        sleeper.subscribe("t/#", 2)
        sleeper.subscribe("gone", 1)
        sleeper.unsubscribe("gone")
    with Client(broker, "publisher") as publisher:
        for number in range(20):
            publisher.publish(f"t/{number % 3}", str(number).encode(), qos=1 + number % 2)
        publisher.publish("state", b"old", qos=1, retain=True)
        publisher.publish("state", b"new", qos=1, retain=True)
        publisher.publish("cleared", b"x", qos=1, retain=True)
        publisher.publish("cleared", b"", qos=1, retain=True)
    end(broker, how)
    broker = durable(3 - threads)
    assert broker.log.wait(r"store\.opened.*sessions=1 messages=20 retained=1")
    with Client(broker, "sleeper", **kept) as sleeper:
        assert sleeper.session_present
        assert sorted(int(payload) for payload in sleeper.receive_payloads(20)) == list(range(20))
        with Client(broker, "publisher") as publisher:
            publisher.publish("gone", b"no", qos=1)
            publisher.publish("t/1", b"last", qos=1)
        assert sleeper.receive().payload == b"last"
    with Client(broker, "reader") as reader:
        reader.subscribe("#", 1)
        assert (message := reader.receive()).payload == b"new" and message.retain
    end(broker, how)
    broker = durable(threads)
    assert broker.log.wait(r"store\.opened.*sessions=1 messages=0 retained=1")


def test_a_session_that_ends_with_its_connection_leaves_nothing(durable):
    """Clean Start and an expiry of zero: nothing of it is stored"""
    broker = durable()
    with Client(broker, "c", clean=False, expiry=1000) as client:
        client.subscribe("t", 1)
    with Client(broker, "c", clean=True) as client:
        assert not client.session_present
    end(broker, "kill")
    broker = durable()
    assert broker.log.wait(r"store\.opened.*sessions=0")
    with Client(broker, "c", clean=False, expiry=1000) as client:
        assert not client.session_present


def test_a_will_is_published_after_a_crash(durable):
    """The will of a client that was connected when the broker died comes when its delay has passed"""
    broker = durable()
    with Client(broker, "watcher", clean=False, expiry=1000) as watcher:
        watcher.subscribe("will", 1)
    will = {"topic": "will", "payload": b"gone", "qos": 1, "properties": properties("WILLMESSAGE", WillDelayInterval=1)}
    Client(broker, "left", clean=False, expiry=1000, will=will).connect()
    end(broker, "kill")
    broker = durable()
    with Client(broker, "watcher", clean=False, expiry=1000) as watcher:
        assert watcher.receive().payload == b"gone"


def test_an_ephemeral_broker_keeps_nothing(serve, tmp_path):
    """--ephemeral: the plugin is there and has nothing to do"""
    broker = serve(config=CONFIG, ephemeral=True)
    with Client(broker, "c", clean=False, expiry=1000) as client:
        client.subscribe("t", 1)
    broker.stop()
    assert "store.opened" not in broker.log.text() and not (tmp_path / "data" / "store").exists()


def test_a_full_disk_refuses_what_must_be_kept_and_nothing_else(durable, tmp_path):
    """No acknowledgement without the disk, one warning, traffic that is not kept goes on, and recovery"""
    library = BUILD / "libpower-loss.so"
    if not library.exists():
        pytest.skip(f"{library} is not built")
    store = tmp_path / "data" / "store"
    broker = durable(env={"LD_PRELOAD": str(library), "HOOKLINE_POWER_FOLDER": str(store)})
    full = store.with_name("store.full")
    with Client(broker, "sleeper", clean=False, expiry=1000) as sleeper:
        sleeper.subscribe("kept", 1)
    with Client(broker, "online") as online:
        online.subscribe("free", 1)
        full.touch()
        with pytest.raises(ConnectionError):
            # The first one is in the commit that fails; its client is told 0x97 and cut off.
            with Client(broker, "unlucky") as client:
                client.publish("kept", b"lost", qos=1)
        broker.log.wait(r"store\.failed")
        with Client(broker, "publisher") as publisher:
            assert publisher.publish("kept", b"refused", qos=1) == 0x97
            assert publisher.publish("free", b"goes on", qos=1) == 0
            assert online.receive().payload == b"goes on"
            full.unlink()
            broker.log.wait(r"store\.recovered")
            # A loop learns of it in its next turn.
            codes = (publisher.publish("kept", b"kept", qos=1) for _ in range(1000))
            assert next(code for code in codes if code != 0x97) == 0
    end(broker, "kill")
    assert len([line for line in broker.log.lines if "store.failed" in line]) == 1
    broker = durable()
    with Client(broker, "sleeper", clean=False, expiry=1000) as sleeper:
        # What was refused did not happen; what failed may have been kept, though nobody was promised it.
        assert sleeper.until(b"kept") in ([], [b"lost"])


def test_a_disk_that_fails_acknowledges_nothing(durable, tmp_path):
    """Flushes fail: no acknowledgement, new sessions are refused at the door, what is not kept goes on; and recovery"""
    library = BUILD / "libpower-loss.so"
    if not library.exists():
        pytest.skip(f"{library} is not built")
    store = tmp_path / "data" / "store"
    broker = durable(env={"LD_PRELOAD": str(library), "HOOKLINE_POWER_FOLDER": str(store)})
    broken = store.with_name("store.broken")
    with Client(broker, "sleeper", clean=False, expiry=1000) as sleeper:
        sleeper.subscribe("kept", 1)
    with Client(broker, "online") as online:
        online.subscribe("free", 1)
        broken.touch()
        with pytest.raises(ConnectionError):
            with Client(broker, "unlucky") as client:
                client.publish("kept", b"lost", qos=1)
        broker.log.wait(r"store\.failed.*the disk failed")
        for name in ("new", "sleeper"):
            with pytest.raises(Refused):
                Client(broker, name, clean=False, expiry=1000).connect()
        with Client(broker, "publisher") as publisher:
            assert publisher.publish("free", b"goes on", qos=1) == 0
            assert online.receive().payload == b"goes on"
            broken.unlink()
            broker.log.wait(r"store\.recovered")
            codes = (publisher.publish("kept", b"kept", qos=1) for _ in range(1000))
            assert next(code for code in codes if code != 0x97) == 0
    end(broker, "kill")
    broker = durable()
    with Client(broker, "sleeper", clean=False, expiry=1000) as sleeper:
        assert sleeper.until(b"kept") in ([], [b"lost"])


def test_the_power_fails_at_each_of_the_first_flushes():
    """Eight rounds of `make crash-power`: with what was not flushed lost or torn, nothing acknowledged is lost"""
    done = subprocess.run(
        [sys.executable, ROOT / "Tests" / "Crash" / "crash.py", "--power", "--rounds", "8"], env=os.environ,
        capture_output=True, text=True, timeout=120 * SLOW)
    assert done.returncode == 0, done.stderr


def test_killed_at_random_moments():
    """Five rounds of `make crash`: nothing acknowledged is lost, no QoS 2 message comes twice"""
    done = subprocess.run(
        [sys.executable, ROOT / "Tests" / "Crash" / "crash.py", "--rounds", "5"], env=os.environ,
        capture_output=True, text=True, timeout=80 * SLOW)
    assert done.returncode == 0, done.stderr
