"""What the broker refuses, and the reason code it gives."""

import pytest

from client import V5, V311, Client
from wire import Wire, connect, packet, publish, string, subscribe

PING = packet(12)


def connected(broker, **options):
    client = Wire(broker, connect("probe", **options))
    client.expect(2)
    return client


def test_keep_alive_time_out_disconnects_with_0x8d(broker):
    """[MQTT-3.1.2-22]"""
    with connected(broker, keep_alive=1) as client:
        client.expect_end(0x8D)


def test_a_ping_is_answered(broker):
    """[MQTT-3.12.4-1]"""
    with connected(broker) as client:
        client.send(PING)
        assert client.expect(13) == b""


@pytest.mark.parametrize("first", [
    PING, publish("a"), packet(14), b"\x00\x00", b"\xf0\x00", b"GET / HTTP/1.1\r\n\r\n", connect(name="MQXX"),
    b"\x10\xff\xff\xff\xff\x01"], ids=["ping", "publish", "disconnect", "type 0", "auth", "http", "name", "length"])
def test_what_is_no_connect_ends_the_connection(broker, first):
    """[MQTT-3.1.0-1]"""
    with Wire(broker, first) as client:
        client.expect_end()


def test_an_unknown_protocol_version_is_answered(broker):
    """[MQTT-3.1.2-2]"""
    with Wire(broker, connect(version=9)) as client:
        assert client.expect(2)[1] in (0x01, 0x84)
        client.expect_end()


@pytest.mark.parametrize("bad, code", [
    (connect("again"), 0x82),
    (publish("a/+"), 0x82),
    (publish(b"\xff\xfe"), 0x81),
    (publish("a\0b"), 0x81),
    (publish(""), 0x82),
    (packet(3, string("a") + b"\0", 6), 0x81),
    (publish("a", qos=1, identifier=0), 0x82),
    (packet(8, b"\0\1\0" + string("a") + b"\1"), 0x81),
    (packet(8, b"\0\1\0", 2), 0x82),
    (packet(8, b"\0\1\0" + string("a") + b"\3", 2), None),
    (packet(12, b"x"), 0x81),
    (packet(2, b"\0\0\0"), 0x82),
    (publish("a", properties=b"\x23\0\0"), 0x94),
    (publish("a", properties=b"\x23\xff\xff"), 0x94),
    (publish("", properties=b"\x23\0\1"), 0x82),
    (publish("a", properties=b"\x01\1\x01\1"), 0x82),
    (publish("a", properties=b"\x7f\1"), None),
    (packet(4, b"\0\x63"), None),
], ids=[
    "second CONNECT", "wildcard topic", "not UTF-8", "U+0000", "no topic", "QoS 3", "packet id 0", "SUBSCRIBE flags",
    "empty SUBSCRIBE", "subscription QoS 3", "PINGREQ with a body", "CONNACK from a client", "alias 0",
    "alias over the maximum", "unknown alias", "property twice", "unknown property", "PUBACK nobody waits for"])
def test_a_violation_is_answered_with_its_reason_code(broker, bad, code):
    """[MQTT-4.13.1-1]: a DISCONNECT that names the fault, then the end."""
    with connected(broker) as client:
        client.send(bad, PING)
        if code is None and bad[0] >> 4 == 4:
            assert client.expect(13) == b"", "an unknown acknowledgement is ignored"
        elif code is None:
            client.expect_end()
        else:
            client.expect_end(code)
    with Client(broker) as other:
        other.subscribe("alive", 1)
        other.publish("alive", b"yes", 1)
        assert other.receive().payload == b"yes"


def test_a_3_1_1_violation_just_closes(broker):
    """A 3.1.1 server has no DISCONNECT to send."""
    with connected(broker, version=4) as client:
        client.send(publish("a/+", version=4))
        try:
            raise AssertionError(client.read())
        except EOFError:
            pass


def test_more_unacknowledged_messages_than_the_receive_maximum(broker):
    """[MQTT-3.3.4-7]: 0x93."""
    with Wire(broker, connect("flood")) as client:
        answer = client.expect(2)
        maximum = receive_maximum(answer)
        if maximum == 65_535:
            pytest.skip("the broker sets no receive maximum")
        client.send(*(publish("x", qos=2, identifier=n) for n in range(1, maximum + 2)))
        client.expect_end(0x93)


def receive_maximum(connack):
    found = connack.find(b"\x21", 3)
    return int.from_bytes(connack[found + 1:found + 3], "big") if found >= 0 else 65_535


def test_a_packet_over_the_maximum_is_0x95(serve, threads):
    """[MQTT-3.2.2-15]"""
    broker = serve("--set", "broker.limits.max_packet_size=10KiB", threads=threads)
    with Client(broker) as client:
        assert client.granted.MaximumPacketSize == 10 * 1024
    with connected(broker) as client:
        client.send(publish("big", b"x" * 20_000, qos=1))
        client.expect_end(0x95)
    with connected(broker, version=4) as client:
        client.send(publish("big", b"x" * 20_000, qos=1, version=4))
        client.expect_end()


def test_a_payload_over_the_maximum_is_0x95(serve, threads):
    broker = serve("--set", "broker.limits.max_payload_size=1KiB", threads=threads)
    with Client(broker) as watcher:
        watcher.subscribe("p", 1)
        with Client(broker) as client:
            client.publish("p", b"x" * 1024, 1)
            # The broker may have closed before paho has returned: its answer means nothing here.
            client.paho.publish("p", b"y" * 1025, 1)
            assert client.wait_closed() == 0x95
        with Client(broker, version=V311) as client:
            client.paho.publish("p", b"z" * 1025, 1)
            client.wait_closed()
        watcher.publish("p", b"end", 1)
        assert watcher.until(b"end") == [b"x" * 1024]


def test_a_message_too_large_for_its_receiver_is_left_out(broker):
    """[MQTT-3.1.2-24] [MQTT-3.1.2-25]: as if delivered; others get it, and what follows arrives."""
    with Client(broker, MaximumPacketSize=100) as small, Client(broker) as large, Client(broker) as sender:
        small.subscribe("m", 1)
        large.subscribe("m", 1)
        for payload in (b"first", b"x" * 200, b"end"):
            sender.publish("m", payload, 1)
        assert small.until(b"end") == [b"first"]
        assert large.until(b"end") == [b"first", b"x" * 200]


def test_a_lower_maximum_qos_is_told_and_kept(serve, threads):
    """[MQTT-3.2.2-9] [MQTT-3.2.2-11]"""
    broker = serve("--set", "broker.mqtt.max_qos=1", threads=threads)
    with Client(broker) as client:
        assert client.granted.MaximumQoS == 1
        assert client.subscribe("a", 2) == 1
    with connected(broker) as client:
        client.send(publish("a", qos=2))
        client.expect_end(0x9B)


def test_retain_can_be_switched_off(serve, threads):
    """[MQTT-3.2.2-14]"""
    broker = serve("--set", "broker.mqtt.retain_available=false", threads=threads)
    with Client(broker) as client:
        assert client.granted.RetainAvailable == 0
    with connected(broker) as client:
        client.send(publish("a", b"x", retain=True))
        client.expect_end(0x9A)


def test_the_server_may_set_the_keep_alive(serve, threads):
    """[MQTT-3.1.2-21]"""
    broker = serve("--set", "broker.mqtt.server_keep_alive=1s", threads=threads)
    with Wire(broker, connect("told", keep_alive=60)) as client:
        assert b"\x13\0\x01" in client.expect(2)
        client.expect_end(0x8D)


def test_the_session_expiry_is_capped_and_told(serve, threads):
    broker = serve("--set", "broker.session.max_expiry_interval=1h", threads=threads)
    with Client(broker, "long", expiry=0xFFFF_FFFF) as client:
        assert client.granted.SessionExpiryInterval == 3600


def test_an_invalid_filter_is_refused_and_the_rest_granted(broker):
    with Client(broker) as client:
        client.subscribe("fine", 1)
    for bad in ("a/#/b", "a+/b", "a/b#"):
        with connected(broker) as client:
            client.send(subscribe(bad, 1))
            kind, _, body = client.read()
            assert (kind, body[-1]) == (9, 0x8F) or (kind == 14 and body[0] in (0x81, 0x82, 0x8F))


@pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5.0"])
def test_bytes_that_come_one_at_a_time_are_a_packet_all_the_same(broker, version):
    with Wire(broker) as client:
        for byte in connect("drip", version=version):
            client.send(bytes([byte]))
        client.expect(2)
        for byte in subscribe("d", 0, version=version) + publish("d", b"drop", version=version):
            client.send(bytes([byte]))
        client.expect(9)
        assert client.expect(3).endswith(b"drop")


def test_many_packets_in_one_write_are_all_handled(broker):
    burst = [publish("b", b"%d" % number) for number in range(1000)]
    with Wire(broker, connect("burst"), subscribe("b"), *burst, PING) as client:
        client.expect(2)
        client.expect(9)
        for number in range(1000):
            assert client.expect(3)[4:] == b"%d" % number
        client.expect(13)
