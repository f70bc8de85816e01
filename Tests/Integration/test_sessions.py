"""What outlives a connection, and for how long."""

import pytest

from client import V5, V311, Client, properties
from wire import Wire, connect, publish, subscribe

versions = pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5.0"])


def persistent(version):
    return {"version": version, "clean": False, **({"expiry": 300} if version == V5 else {})}


@versions
@pytest.mark.parametrize("qos", [1, 2])
def test_a_persistent_session_keeps_subscriptions_and_queues_messages(broker, version, qos):
    with Client(broker, "phone", **persistent(version)) as first:
        assert not first.session_present
        first.subscribe("mail/#", 2)
    with Client(broker) as sender:
        for number in range(30):
            sender.publish("mail/new", b"%d" % number, qos)
    with Client(broker, "phone", **persistent(version)) as second:
        assert second.session_present, "[MQTT-3.2.2-3]"
        assert [int(p) for p in second.receive_payloads(30)] == list(range(30)), "in order [MQTT-4.6.0-6]"
        with Client(broker) as sender:
            sender.publish("mail/new", b"live", 1)
        assert second.receive().payload == b"live"


@versions
def test_a_clean_start_forgets_the_session(broker, version):
    """[MQTT-3.1.2-4][v3 MQTT-3.1.2-6]"""
    with Client(broker, "phone", **persistent(version)) as first:
        first.subscribe("mail", 1)
    with Client(broker) as sender:
        sender.publish("mail", b"lost with the session", 1)
    with Client(broker, "phone", version=version, clean=True) as second:
        assert not second.session_present
        second.subscribe("end", 1)
        second.publish("mail", b"nobody", 1)
        second.publish("end", b"end", 1)
        assert second.until(b"end") == []
    with Client(broker, "phone", **persistent(version)) as third:
        assert not third.session_present


def test_an_expiry_of_zero_ends_the_session_with_the_connection(broker):
    with Client(broker, "brief", clean=False, expiry=0) as first:
        first.subscribe("x", 1)
    with Client(broker, "brief", clean=False, expiry=0) as second:
        assert not second.session_present


def test_a_session_ends_when_its_expiry_is_over(broker):
    """The delayed will is published when the session ends [MQTT-3.1.2-8]: the event that says it has."""
    with Client(broker) as watcher:
        watcher.subscribe("will", 1)
        will = {"topic": "will", "payload": b"over", "properties": properties("WILLMESSAGE", WillDelayInterval=600)}
        Client(broker, "brief", expiry=1, will=will).connect().drop()
        assert watcher.receive().payload == b"over"
    with Client(broker, "brief", clean=False) as again:
        assert not again.session_present


def test_disconnect_may_change_the_expiry(broker):
    first = Client(broker, "changes", expiry=600).connect()
    first.close(SessionExpiryInterval=0)
    with Client(broker, "changes", clean=False, expiry=600) as second:
        assert not second.session_present


def test_disconnect_may_not_raise_an_expiry_of_zero(broker):
    """A protocol error: MQTT 5.0, 3.14.2.2.2."""
    client = Client(broker, "raises", expiry=0).connect()
    client.close(SessionExpiryInterval=600)
    with Client(broker, "raises", clean=False) as second:
        assert not second.session_present


@versions
def test_a_second_connection_takes_over(broker, version):
    """[MQTT-3.1.4-3]"""
    first = Client(broker, "twin", **persistent(version)).connect()
    first.subscribe("x", 1)
    with Client(broker, "twin", **persistent(version)) as second:
        code = first.wait_closed()
        assert code == 0x8E if version == V5 else code != 0
        assert second.session_present
        second.publish("x", b"mine now", 1)
        assert second.receive().payload == b"mine now"
    first.close()


def test_taking_over_again_and_again_leaves_one_connection(broker):
    clients = [Client(broker, "same", clean=False, expiry=300).connect() for _ in range(20)]
    try:
        assert [client.wait_closed() for client in clients[:-1]] == [0x8E] * 19
        clients[-1].subscribe("x", 1)
        clients[-1].publish("x", b"still here", 1)
        assert clients[-1].receive().payload == b"still here"
    finally:
        for client in clients:
            client.close()


def test_the_refuse_policy_turns_the_second_connection_away(serve, threads):
    broker = serve("--set", "broker.session.duplicate_client_id=refuse", threads=threads)
    with Client(broker, "only") as first:
        with Wire(broker, connect("only")) as second:
            assert second.expect(2)[1] in (0x85, 0x8E, 0x87, 0x97), "refused with a reason"
            second.expect_end()
        first.subscribe("x", 1)
        first.publish("x", b"untouched", 1)
        assert first.receive().payload == b"untouched"


def test_unacknowledged_messages_are_sent_again_with_dup(broker):
    """[MQTT-4.4.0-1]"""
    expiry = b"\x11\0\0\x01\x2c"
    with Wire(broker, connect("slow", clean=True, properties=expiry)) as first:
        first.expect(2)
        first.send(subscribe("x", 1))
        first.expect(9)
        with Client(broker) as sender:
            sender.publish("x", b"1", 1)
            sender.publish("x", b"2", 1)
        identifiers = [first.expect(3)[3:5] for _ in range(2)]
    with Wire(broker, connect("slow", clean=False, properties=expiry)) as second:
        assert second.expect(2)[0] == 1
        for number, identifier in enumerate(identifiers):
            kind, flags, body = second.read()
            assert (kind, flags >> 3 & 1) == (3, 1), "DUP is set [MQTT-3.3.1-1]"
            assert body[3:5] == identifier and body.endswith(b"%d" % (number + 1))
            second.send(b"\x40\x02" + identifier)


def test_a_qos_2_exchange_goes_on_after_a_lost_connection(broker):
    """[MQTT-4.4.0-1]: PUBREL again, and the receiver sees the message once."""
    expiry = b"\x11\0\0\x01\x2c"
    with Client(broker) as watcher:
        watcher.subscribe("x", 1)
        with Wire(broker, connect("half", properties=expiry)) as first:
            first.expect(2)
            first.send(publish("x", b"once", qos=2, identifier=5))
            first.expect(5)
        with Wire(broker, connect("half", clean=False, properties=expiry)) as second:
            assert second.expect(2)[0] == 1
            second.send(publish("x", b"once", qos=2, identifier=5, dup=True))
            second.expect(5)
            second.send(b"\x62\x02\x00\x05")
            second.expect(7)
            second.send(publish("x", b"end", qos=1, identifier=6))
        assert watcher.until(b"end") == [b"once"]


def test_a_receive_maximum_of_one_gets_one_message_at_a_time(broker):
    """[MQTT-3.3.4-9]"""
    with Wire(broker, connect("window", properties=b"\x21\0\x01")) as receiver:
        receiver.expect(2)
        receiver.send(subscribe("x", 1))
        receiver.expect(9)
        with Client(broker) as sender:
            for number in range(5):
                sender.publish("x", b"%d" % number, 1)
        for number in range(5):
            body = receiver.expect(3)
            assert body.endswith(b"%d" % number)
            # A second message before our PUBACK would stand before the PINGRESP.
            receiver.send(b"\xc0\0")
            receiver.expect(13)
            receiver.send(b"\x40\x02" + body[3:5])


def test_an_assigned_client_identifier_is_unique_and_told(broker):
    """[MQTT-3.2.2-16]"""
    with Client(broker) as one, Client(broker) as other:
        names = {one.granted.AssignedClientIdentifier, other.granted.AssignedClientIdentifier}
        assert len(names) == 2 and "" not in names


def test_an_empty_client_id_without_clean_session_is_refused_in_3_1_1(broker):
    """[v3 MQTT-3.1.3-8]"""
    with Wire(broker, connect("", version=4, clean=False)) as client:
        assert client.expect(2) == b"\0\x02"
        client.expect_end()
