"""`$SYS/broker/...` read as exporters made for mosquitto read it: subscribe, take the first number of each payload."""

import threading

import pytest

from broker import BUILD, DEADLINE
from client import V311, Client
from test_metrics import config


class Exporter:
    """Keeps the last number of every topic under `$SYS/broker/`, as such an exporter does."""

    def __init__(self, broker):
        self.values = {}
        self._changed = threading.Condition()
        self.client = Client(broker, "exporter", version=V311)
        self.client.paho.on_message = self._take

    def _take(self, _client, _userdata, message):
        topic = message.topic.removeprefix("$SYS/broker/")
        text = message.payload.decode()
        try:
            value = float(text.split()[0])
        except ValueError:
            value = text
        with self._changed:
            self.values[topic] = value
            self._changed.notify_all()

    def __enter__(self):
        self.client.connect()
        self.client.subscribe("$SYS/#")
        return self

    def __exit__(self, *_):
        self.client.close()

    def wait(self, **wanted):
        """Until the topics (`/` as `__`, a blank as `_0_`) have these values."""
        wanted = {key.replace("_0_", " ").replace("__", "/"): value for key, value in wanted.items()}
        with self._changed:
            done = self._changed.wait_for(
                lambda: all(self.values.get(topic) == value for topic, value in wanted.items()), DEADLINE)
            have = {topic: self.values.get(topic) for topic in wanted}
            assert done, f"wanted {wanted}, have {have}"


@pytest.fixture
def told(serve, threads):
    return serve(threads=threads, config=config(', sys_interval: 200ms'))


def test_numbers_are_right(told):
    with Exporter(told) as exporter:
        asleep = Client(told, "asleep", clean=False, expiry=3600).connect()
        asleep.subscribe("a/#", 1)
        asleep.close()
        with Client(told, "sub") as subscriber, Client(told, "pub") as publisher:
            subscriber.subscribe("a/#", 1)
            for number in range(10):
                publisher.publish(f"a/{number}", b"1234567890", 1, retain=number < 4)
            subscriber.receive_payloads(10)
            exporter.wait(
                clients__connected=3, clients__disconnected=1, clients__total=4, clients__maximum=4,
                clients__active=3, clients__inactive=1, publish__messages__received=10, publish__bytes__received=100,
                subscriptions__count=3, publish__messages__dropped=0)
        exporter.wait(clients__connected=1, clients__total=2)
        # Its own messages are retained as well, so the four of the publisher are told by the difference.
        with exporter._changed:
            system = len(exporter.values)
        exporter.wait(**{"retained_0_messages__count": system + 4})
        assert exporter.values["version"].startswith("hookline version ")
        assert exporter.values["messages/stored"] >= 14
        assert {f"load/{what}/{minutes}min" for minutes in (1, 5, 15) for what in (
            "connections", "sockets", "bytes/received", "bytes/sent", "messages/received", "messages/sent",
            "publish/received", "publish/sent", "publish/dropped")} <= exporter.values.keys()


def test_sessions_that_expire_are_counted(told):
    with Exporter(told) as exporter:
        Client(told, "short", expiry=1).connect().close()
        exporter.wait(clients__expired=1, clients__disconnected=0)


def test_nothing_is_published_at_interval_0(serve):
    broker = serve(config=config(', sys_interval: 0s'))
    with Client(broker) as client:
        client.subscribe("$SYS/#")
        client.subscribe("end")
        client.publish("end", b"end")
        assert client.until(b"end") == []


def test_the_rules_say_who_reads_it(serve, tmp_path):
    (tmp_path / "acl.yaml").write_text(
        "default: deny\nrules:\n  - { subscribe: 'a/#' }\n  - { client: operator, subscribe: '$SYS/broker/uptime' }\n")
    rules = f"  - {{ id: acl, path: {BUILD / 'libacl.so'}, config: {{ file: acl.yaml }} }}\n"
    broker = serve(config=config(', sys_interval: 100ms') + rules)
    with Client(broker, "somebody") as client, Client(broker, "operator") as operator:
        assert client.subscribe("$SYS/#") == 0x87
        assert operator.subscribe("$SYS/broker/uptime") == 0
        assert operator.receive().payload.decode().endswith(" seconds")


def test_a_restart_does_not_bring_old_values_back(serve, tmp_path):
    """What the broker says about itself is not kept in the store."""
    store = f"  - {{ id: store-sqlite, path: {BUILD / 'libstore-sqlite.so'} }}\n"
    data = tmp_path / "data"
    first = serve("--data-dir", data, config=config(', sys_interval: 100ms').replace("localhost:9883", "127.0.0.1:0")
                  + store, ephemeral=False)
    with Exporter(first) as exporter:
        exporter.wait(clients__connected=1)
        with Client(first) as client:
            client.publish("kept", b"1", 1, retain=True)
    first.stop()
    second = serve("--data-dir", data, config=config(', sys_interval: 0s').replace("localhost:9883", "127.0.0.1:0")
                   + store, ephemeral=False)
    with Client(second) as client:
        client.subscribe("$SYS/#")
        client.subscribe("kept")
        assert client.receive().topic == "kept"
        client.subscribe("end")
        client.publish("end", b"end")
        assert client.until(b"end") == []
