"""Shared subscriptions: $share/{group}/{filter}."""

import collections
import queue
import threading

from broker import DEADLINE
from client import V311, Client
from wire import Wire, connect, subscribe


def members(broker, count, topic_filter="$share/g/work/#", qos=1, **options):
    made = [Client(broker, **options).connect() for _ in range(count)]
    for member in made:
        member.subscribe(topic_filter, qos)
    return made


def gather(clients, count):
    """`count` payloads of all clients together, and how many each one got."""
    got = collections.Counter()
    payloads = []
    found = queue.Queue()

    def collect(index, client):
        while (message := client.messages.get()) is not None:
            found.put((index, message.payload))

    threads = [threading.Thread(target=collect, args=pair, daemon=True) for pair in enumerate(clients)]
    for thread in threads:
        thread.start()
    for _ in range(count):
        index, payload = found.get(timeout=DEADLINE)
        got[index] += 1
        payloads.append(payload)
    for client in clients:
        client.messages.put(None)
    for thread in threads:
        thread.join()
    while not found.empty():
        payloads.append(found.get()[1])
    return payloads, got


def test_each_message_goes_to_one_member(broker):
    group = members(broker, 4)
    try:
        with Client(broker) as sender:
            for number in range(200):
                sender.publish(f"work/{number % 3}", b"%d" % number, 1)
        payloads, got = gather(group, 200)
        assert sorted(map(int, payloads)) == list(range(200))
        assert all(got[index] >= 20 for index in range(4)), f"fair enough: {got}"
    finally:
        for member in group:
            member.close()


def test_groups_and_plain_subscriptions_do_not_disturb_each_other(broker):
    with Client(broker) as one, Client(broker) as two, Client(broker, version=V311) as plain, Client(broker) as sender:
        one.subscribe("$share/one/work/#", 1)
        two.subscribe("$share/two/work/+", 1)
        plain.subscribe("work/#", 1)
        for number in range(10):
            sender.publish("work/x", b"%d" % number, 1)
        for client in (one, two, plain):
            assert [int(p) for p in client.receive_payloads(10)] == list(range(10))


def test_a_3_1_1_client_can_be_a_member(broker):
    group = members(broker, 1) + members(broker, 1, version=V311)
    try:
        with Client(broker) as sender:
            for number in range(40):
                sender.publish("work/x", b"%d" % number, 1)
        payloads, got = gather(group, 40)
        assert len(set(payloads)) == 40 and min(got.values()) > 0
    finally:
        for member in group:
            member.close()


def test_what_a_lost_member_did_not_acknowledge_goes_to_another(broker):
    with Wire(broker, connect("dies")) as dies:
        dies.expect(2)
        dies.send(subscribe("$share/g/work", 1))
        dies.expect(9)
        with Client(broker) as sender:
            for number in range(5):
                sender.publish("work", b"%d" % number, 1)
        for _ in range(5):
            dies.expect(3)
        heir, = members(broker, 1, "$share/g/work")
    try:
        assert sorted(int(p) for p in heir.receive_payloads(5)) == list(range(5))
    finally:
        heir.close()


def test_no_local_on_a_shared_subscription_is_a_protocol_error(broker):
    """[MQTT-3.8.3-4]"""
    with Wire(broker, connect("nl")) as client:
        client.expect(2)
        client.send(subscribe("$share/g/x", 1 | 4))
        client.expect_end(0x82)


def test_a_malformed_share_name_is_refused(broker):
    """[MQTT-4.8.2-1] [MQTT-4.8.2-2]"""
    for topic_filter in ("$share//x", "$share/a+/x", "$share/a#/x", "$share/g"):
        with Wire(broker, connect("bad")) as client:
            client.expect(2)
            client.send(subscribe(topic_filter, 1))
            try:
                kind, _, body = client.read()
                assert (kind == 9 and body[-1] >= 0x80) or (kind == 14 and body[0] >= 0x80)
            except EOFError:
                pass
