"""Order and completeness under load: per publisher, topic and QoS nothing is lost, doubled or out of order."""

import collections
import threading

import pytest

from broker import DEADLINE
from client import V5, V311, Client

COUNT = 10_000
WINDOW = 500


def publish_all(client, topic, qos, count):
    """Keep at most WINDOW messages unacknowledged, so that no bounded queue has a reason to act."""
    waiting = collections.deque()
    for number in range(count):
        waiting.append(client.send(topic, b"%d" % number, qos))
        if len(waiting) >= WINDOW:
            client.wait_published(waiting.popleft())
    while waiting:
        client.wait_published(waiting.popleft())


@pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5.0"])
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_ten_thousand_messages_arrive_in_order(broker, version, qos):
    """[MQTT-4.6.0-6]"""
    with Client(broker, version=version) as receiver, Client(broker, version=version) as sender:
        receiver.subscribe("stream", qos)
        publish_all(sender, "stream", qos, COUNT)
        got = [int(payload) for payload in receiver.receive_payloads(COUNT)]
        assert got == list(range(COUNT))
        sender.publish("stream", b"end", qos)
        assert receiver.until(b"end") == [], "and no message twice"


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_many_publishers_each_keep_their_order(broker, qos):
    publishers, count = 10, 1_000
    with Client(broker) as receiver:
        receiver.subscribe("from/+", qos)
        senders = [Client(broker).connect() for _ in range(publishers)]
        threads = [
            threading.Thread(target=publish_all, args=(sender, f"from/{index}", qos, count))
            for index, sender in enumerate(senders)]
        try:
            for thread in threads:
                thread.start()
            streams = collections.defaultdict(list)
            for _ in range(publishers * count):
                message = receiver.receive()
                streams[message.topic].append(int(message.payload))
            assert dict(streams) == {f"from/{index}": list(range(count)) for index in range(publishers)}
        finally:
            for thread in threads:
                thread.join(DEADLINE)
            for sender in senders:
                sender.close()


@pytest.mark.parametrize("qos", [1, 2])
def test_a_queue_is_drained_in_order_while_new_messages_arrive(broker, qos):
    count = 1_000
    with Client(broker, "reader", clean=False, expiry=300) as reader:
        reader.subscribe("log", qos)
    with Client(broker) as sender:
        publish_all(sender, "log", qos, count // 2)
        with Client(broker, "reader", clean=False, expiry=300) as reader:
            for number in range(count // 2, count):
                sender.send("log", b"%d" % number, qos)
            assert [int(p) for p in reader.receive_payloads(count)] == list(range(count))
