"""Retained messages: what a newcomer sees at once."""

import pytest

from client import V5, V311, Client, let_time_pass

versions = pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5.0"])


@versions
def test_a_newcomer_gets_the_last_retained_message_of_every_matching_topic(broker, version):
    with Client(broker, version=version) as sender:
        sender.publish("lamp/1", b"off", 1, retain=True)
        sender.publish("lamp/1", b"on", 0, retain=True)
        sender.publish("lamp/2", b"dim", 2, retain=True)
        sender.publish("lamp/3", b"not kept", 1)
        sender.publish("door", b"open", 1, retain=True)
    with Client(broker, version=version) as newcomer:
        newcomer.subscribe("lamp/+", 1)
        newcomer.subscribe("end", 1)
        newcomer.publish("end", b"end", 1)
        seen = {}
        while (message := newcomer.receive()).topic != "end":
            assert message.retain
            seen[message.topic] = (message.payload, message.qos)
        assert {topic: payload for topic, (payload, _) in seen.items()} == {"lamp/1": b"on", "lamp/2": b"dim"}
        assert seen["lamp/2"][1] == 1, "at most what was granted"


@versions
def test_an_empty_payload_removes_a_retained_message(broker, version):
    """[MQTT-3.3.1-6] [MQTT-3.3.1-7]"""
    with Client(broker, version=version) as client:
        client.publish("x", b"kept", 1, retain=True)
        client.publish("x", b"", 1, retain=True)
        client.subscribe("#", 1)
        client.publish("end", b"end", 1)
        assert client.until(b"end") == []


@pytest.mark.parametrize("handling, again, expected", [
    (0, False, True), (0, True, True), (1, False, True), (1, True, False), (2, False, False), (2, True, False)])
def test_retain_handling(broker, handling, again, expected):
    """[MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]"""
    with Client(broker) as client:
        client.subscribe("end", 1)
        if again:
            client.subscribe("x", 1, retain_handling=2)
        client.publish("other", b"", 1)
        with Client(broker) as sender:
            sender.publish("x", b"kept", 1, retain=True)
        if again:
            assert client.receive().payload == b"kept", "the live copy"
        client.subscribe("x", 1, retain_handling=handling)
        client.publish("end", b"end", 1)
        assert client.until(b"end") == ([b"kept"] if expected else [])


def test_a_shared_subscription_gets_no_retained_message(broker):
    """MQTT 5.0, 4.8.2."""
    with Client(broker) as client:
        client.publish("x", b"kept", 1, retain=True)
        client.subscribe("$share/g/x", 1)
        client.subscribe("end", 1)
        client.publish("end", b"end", 1)
        assert client.until(b"end") == []


def test_a_retained_message_keeps_its_properties(broker):
    with Client(broker) as client:
        client.publish("x", b"kept", 1, retain=True, UserProperty=[("unit", "°C")], ContentType="text/plain",
                       MessageExpiryInterval=600)
        client.subscribe("x", 1)
        got = client.receive().properties
        assert got.UserProperty == [("unit", "°C")] and got.ContentType == "text/plain"
        assert 0 < got.MessageExpiryInterval <= 600


def test_a_retained_message_expires(broker):
    with Client(broker) as client:
        client.publish("x", b"short", 1, retain=True, MessageExpiryInterval=1)
        let_time_pass(broker, 2)
        client.subscribe("x", 1)
        client.publish("x", b"end", 1)
        assert client.until(b"end") == []


def test_ten_thousand_retained_messages_all_arrive(broker):
    with Client(broker) as sender, Client(broker) as newcomer:
        last = [sender.send(f"many/{n % 100}/{n}", b"%d" % n, 1, retain=True) for n in range(10_000)][-1]
        sender.wait_published(last)
        newcomer.subscribe("many/#", 1)
        assert sorted(int(p) for p in newcomer.receive_payloads(10_000)) == list(range(10_000))
