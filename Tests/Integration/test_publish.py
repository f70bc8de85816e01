"""PUBLISH from one connection to another: payloads, topics, properties and subscription options."""

import pytest

from client import V5, V311, Client, let_time_pass
from wire import Wire, connect, publish, subscribe

versions = pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5.0"])


@versions
@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 200 * 1024])
def test_payloads_of_every_length_arrive_unchanged(broker, version, size):
    payload = bytes(range(256)) * (size // 256 + 1)
    with Client(broker, version=version) as client:
        client.subscribe("size", 2)
        for qos in range(3):
            client.publish("size", payload[:size], qos)
            assert client.receive().payload == payload[:size]


@versions
@pytest.mark.parametrize(
    "topic", ["straße/größe", "温度/東京", "emoji/🚀", "a//b", "/", " ", "a/" * 100 + "z", "x" * 65_535],
    ids=["latin", "kanji", "emoji", "empty-level", "slash", "space", "deep", "longest"])
def test_topics_are_any_utf8_text(broker, version, topic):
    with Client(broker, version=version) as client:
        client.subscribe(topic, 1)
        client.publish(topic, b"here", 1)
        assert client.receive().topic == topic


@pytest.mark.parametrize(
    "topic_filter, matching, other",
    [
        ("sport/tennis/#", ["sport/tennis", "sport/tennis/a", "sport/tennis/a/b"], ["sport", "sport/tennisball"]),
        ("+/a", ["x/a", "/a"], ["a", "x/a/b", "x/y/a"]),
        ("a/+/c", ["a/b/c", "a//c"], ["a/c", "a/b/b/c"]),
        ("+", ["a"], ["/a", "a/b"]),
        ("/+", ["/a", "/"], ["a", "a/b"]),
        ("#", ["a", "/", "a/b/c"], ["$x", "$x/y"]),
        ("+/y", ["x/y"], ["$x/y"]),
        ("A/b", ["A/b"], ["a/b", "A/B"]),
    ])
def test_filters_match_as_the_standard_says(broker, topic_filter, matching, other):
    with Client(broker) as client:
        client.subscribe(topic_filter, 1)
        client.subscribe("end/of/this/test", 1)
        for topic in [t for t in other if not t.startswith("$")] + matching:
            client.publish(topic, topic.encode(), 1)
        client.publish("end/of/this/test", b"end", 1)
        seen = client.until(b"end")
        assert seen == [t.encode() for t in matching]


def test_a_dollar_topic_is_not_the_clients_to_publish(broker):
    with Client(broker) as watcher, Client(broker) as client:
        watcher.subscribe("$forged/#", 1)
        watcher.subscribe("end", 1)
        try:
            client.publish("$forged/broker/uptime", b"1", 1)
        except ConnectionError:
            pass
        with Client(broker) as other:
            other.publish("end", b"end", 1)
        assert watcher.until(b"end") == []


@versions
def test_overlapping_subscriptions_deliver_at_the_highest_qos(broker, version):
    """[MQTT-3.3.4-2] one copy with the maximum QoS, or one per subscription: at least one at the maximum."""
    with Client(broker, version=version) as client:
        client.subscribe("a/#", 0)
        client.subscribe("a/+", 2)
        client.subscribe("+/b", 1)
        client.subscribe("end", 2)
        client.publish("a/b", b"x", 2)
        client.publish("end", b"end", 2)
        copies = []
        while (message := client.receive()).topic != "end":
            copies.append(message.qos)
        assert max(copies) == 2 and len(copies) <= 3


def test_subscription_identifiers_name_every_match(broker):
    """[MQTT-3.3.4-3] [MQTT-3.3.4-4]"""
    with Client(broker) as client:
        client.subscribe("a/#", 1, identifier=7)
        client.subscribe("a/b", 1, identifier=268_435_455)
        client.subscribe("end", 1)
        client.publish("a/b", b"x", 1)
        client.publish("end", b"end", 1)
        identifiers = []
        while (message := client.receive()).topic != "end":
            identifiers += message.properties.SubscriptionIdentifier
        assert sorted(identifiers) == [7, 268_435_455]
        assert not hasattr(message.properties, "SubscriptionIdentifier")


def test_a_changed_subscription_replaces_the_old_one(broker):
    """[MQTT-3.8.4-3]"""
    with Client(broker) as client:
        client.subscribe("a", 0, identifier=1)
        client.subscribe("a", 2, identifier=2)
        client.publish("a", b"x", 2)
        client.publish("a", b"end", 2)
        first = client.receive()
        assert (first.payload, first.qos, first.properties.SubscriptionIdentifier) == (b"x", 2, [2])
        assert client.receive().payload == b"end", "one subscription, one copy"


def test_no_local_keeps_ones_own_messages_away(broker):
    """[MQTT-3.8.3-3]"""
    with Client(broker) as client, Client(broker) as other:
        client.subscribe("room", 1, no_local=True)
        client.publish("room", b"mine", 1)
        other.publish("room", b"yours", 1)
        assert client.until(b"yours") == []


def test_retain_as_published_keeps_the_flag(broker):
    """[MQTT-3.3.1-12] [MQTT-3.3.1-13]"""
    with Client(broker) as keeps, Client(broker) as clears, Client(broker) as sender:
        keeps.subscribe("r", 1, retain_as_published=True)
        clears.subscribe("r", 1)
        for retain in (True, False):
            sender.publish("r", b"x", 1, retain=retain)
            assert keeps.receive().retain is retain
            assert clears.receive().retain is False


def test_unsubscribe_stops_the_messages(broker):
    """[MQTT-3.10.4-2]"""
    with Client(broker) as client:
        client.subscribe("a", 1)
        client.subscribe("end", 1)
        assert client.unsubscribe("a") == 0
        assert client.unsubscribe("a") == 0x11, "no subscription existed [MQTT-3.10.4-5]"
        client.publish("a", b"x", 1)
        client.publish("end", b"end", 1)
        assert client.until(b"end") == []


def test_request_and_response_with_every_property(broker):
    with Client(broker) as server, Client(broker) as asker:
        server.subscribe("rpc/add", 1)
        asker.subscribe("reply/7", 1)
        asker.publish(
            "rpc/add", b"1+1", 1, ResponseTopic="reply/7", CorrelationData=b"\x00\xff7", ContentType="text/plain",
            PayloadFormatIndicator=1, UserProperty=[("k", "1"), ("k", "2"), ("ü", "")])
        request = server.receive()
        got = request.properties
        assert (got.ContentType, got.PayloadFormatIndicator) == ("text/plain", 1)
        assert got.UserProperty == [("k", "1"), ("k", "2"), ("ü", "")], "unchanged and in order [MQTT-3.3.2-18]"
        server.publish(got.ResponseTopic, b"2", 1, CorrelationData=got.CorrelationData)
        answer = asker.receive()
        assert (answer.payload, answer.properties.CorrelationData) == (b"2", b"\x00\xff7")


def test_properties_do_not_reach_a_3_1_1_receiver(broker):
    with Client(broker, version=V311) as old, Client(broker) as new:
        old.subscribe("x", 1)
        new.publish("x", b"plain", 1, UserProperty=[("a", "b")], MessageExpiryInterval=100)
        message = old.receive()
        assert (message.topic, message.payload) == ("x", b"plain")


def test_a_publish_nobody_receives_says_so(broker):
    with Client(broker) as client:
        assert client.publish("nobody/here", b"", 1) in (0x00, 0x10)
        assert client.publish("nobody/here", b"", 2) in (0x00, 0x10)


def test_message_expiry_counts_down_and_ends_a_message(broker, threads):
    """[MQTT-3.3.2-5] [MQTT-3.3.2-6]"""
    first = Client(broker, "sleeper", clean=True, expiry=300).connect()
    first.subscribe("m/#", 1)
    first.close()
    with Client(broker) as sender:
        sender.publish("m/short", b"short", 1, MessageExpiryInterval=1)
        sender.publish("m/long", b"long", 1, MessageExpiryInterval=100)
        sender.publish("m/never", b"never", 1)
    let_time_pass(broker, 2)
    with Client(broker, "sleeper", clean=False, expiry=0) as second:
        assert second.session_present
        long = second.receive()
        assert long.payload == b"long", "the short one expired"
        assert 0 < long.properties.MessageExpiryInterval <= 98
        never = second.receive()
        assert never.payload == b"never" and not hasattr(never.properties, "MessageExpiryInterval")


def test_a_topic_alias_stands_for_its_topic(broker):
    with Client(broker) as watcher, Client(broker) as sender:
        watcher.subscribe("long/topic/#", 1)
        limit = getattr(sender.granted, "TopicAliasMaximum", 0)
        assert limit >= 1, "the broker offers topic aliases"
        sender.publish("long/topic/one", b"1", 0, TopicAlias=1)
        sender.publish("", b"2", 1, TopicAlias=1)
        sender.publish("long/topic/two", b"3", 2, TopicAlias=1)
        sender.publish("", b"4", 0, TopicAlias=1)
        received = [watcher.receive() for _ in range(4)]
        assert [(m.topic, m.payload) for m in received] == [
            ("long/topic/one", b"1"), ("long/topic/one", b"2"), ("long/topic/two", b"3"), ("long/topic/two", b"4")]
        assert not any(hasattr(m.properties, "TopicAlias") for m in received), "an alias is a matter of one connection"


def test_aliases_to_a_receiver_stay_within_its_maximum(broker):
    """[MQTT-3.1.2-26]: with a maximum of 0 none; with more, every alias resolves."""
    maximum = 2
    with Wire(broker, connect("aliases", properties=b"\x22" + maximum.to_bytes(2, "big"))) as receiver:
        receiver.expect(2)
        receiver.send(subscribe("t/#"))
        receiver.expect(9)
        topics = ["t/1", "t/1", "t/2", "t/3", "t/1", "t/3"]
        with Client(broker) as sender:
            for topic in topics:
                sender.publish(topic, b"")
        known, seen = {}, []
        for _ in topics:
            body = receiver.expect(3)
            length = int.from_bytes(body[:2], "big")
            topic, rest = body[2:2 + length].decode(), body[2 + length:]
            if rest[0]:
                assert rest[:2] == b"\x03\x23", "the one property is the alias"
                alias = int.from_bytes(rest[2:4], "big")
                assert 1 <= alias <= maximum
                topic = known[alias] = topic or known[alias]
            seen.append(topic)
        assert seen == topics


def test_dup_is_not_passed_on(broker):
    """[MQTT-3.3.1-3]"""
    with Client(broker) as watcher, Wire(broker, connect("dup")) as sender:
        watcher.subscribe("d", 1)
        sender.expect(2)
        sender.send(publish("d", b"x", qos=1, dup=True))
        assert sender.expect(4)[:2] == b"\0\1"
        assert watcher.receive().dup is False


def test_a_qos_2_message_sent_twice_is_delivered_once(broker):
    """[MQTT-4.3.3-10]"""
    with Client(broker) as watcher, Wire(broker, connect("twice")) as sender:
        watcher.subscribe("d", 1)
        sender.expect(2)
        sender.send(publish("d", b"x", qos=2, identifier=9))
        assert sender.expect(5)[:2] == b"\0\x09"
        sender.send(publish("d", b"x", qos=2, identifier=9, dup=True))
        assert sender.expect(5)[:2] == b"\0\x09"
        sender.send(b"\x62\x02\x00\x09")
        assert sender.expect(7)[:2] == b"\0\x09"
        sender.send(publish("d", b"end", qos=1, identifier=9))
        assert watcher.until(b"end") == [b"x"]

