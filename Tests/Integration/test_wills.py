"""The last will: published when a client goes without saying good-bye, and only then."""

import pytest

from client import V5, V311, Client, properties
from wire import Wire, connect

versions = pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5.0"])


def will(payload=b"gone", qos=1, retain=False, **values):
    made = {"topic": "will", "payload": payload, "qos": qos, "retain": retain}
    if values:
        made["properties"] = properties("WILLMESSAGE", **values)
    return made


@pytest.fixture
def watcher(broker):
    with Client(broker) as client:
        client.subscribe("will", 2)
        yield client


@versions
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_lost_connection_publishes_the_will(broker, watcher, version, qos):
    """[MQTT-3.1.2-8]"""
    Client(broker, version=version, will=will(qos=qos)).connect().drop()
    message = watcher.receive()
    assert (message.payload, message.qos, message.retain) == (b"gone", qos, False)


@versions
def test_a_normal_disconnect_removes_the_will(broker, watcher, version):
    """[MQTT-3.14.4-3]"""
    Client(broker, version=version, will=will()).connect().close()
    watcher.publish("will", b"end", 1)
    assert watcher.until(b"end") == []


def test_disconnect_with_will_publishes_it(broker, watcher):
    Client(broker, will=will()).connect().close(reason=0x04)
    assert watcher.receive().payload == b"gone"


def test_a_retained_will_is_kept(broker, watcher):
    """[MQTT-3.1.2-15]"""
    Client(broker, will=will(retain=True)).connect().drop()
    assert watcher.receive().payload == b"gone"
    with Client(broker) as newcomer:
        newcomer.subscribe("will", 1)
        assert newcomer.receive().retain


def test_a_will_carries_its_properties(broker, watcher):
    values = {"ContentType": "text/plain", "UserProperty": [("a", "1"), ("a", "2")], "CorrelationData": b"\0\1"}
    Client(broker, will=will(**values)).connect().drop()
    got = watcher.receive().properties
    assert (got.ContentType, got.UserProperty, got.CorrelationData) == tuple(values.values())


def test_a_delayed_will_waits(broker, watcher):
    """[MQTT-3.1.3-9]: it comes after what is published before the delay is over."""
    Client(broker, expiry=600, will=will(WillDelayInterval=1)).connect().drop()
    watcher.publish("will", b"before", 1)
    assert watcher.until(b"gone") == [b"before"]


def test_coming_back_in_time_cancels_a_delayed_will(broker, watcher):
    """[MQTT-3.1.3-9]"""
    Client(broker, "back", expiry=600, will=will(b"cancelled", WillDelayInterval=1)).connect().drop()
    with Client(broker, "back", clean=False, expiry=600) as again:
        assert again.session_present
        # A will with the same delay, dropped later, marks the moment when the first would have come.
        Client(broker, expiry=600, will=will(b"later", WillDelayInterval=2)).connect().drop()
        assert watcher.until(b"later") == []


def test_a_take_over_publishes_the_will(broker, watcher):
    """A take-over without clean start ends the old network connection, not the session: no delay, the will is due."""
    first = Client(broker, "twin", expiry=600, will=will()).connect()
    with Client(broker, "twin", clean=False, expiry=600):
        assert first.wait_closed() == 0x8E
        assert watcher.receive().payload == b"gone"
    first.close()


def test_silence_beyond_the_keep_alive_publishes_the_will(broker, watcher):
    """[MQTT-3.1.2-22]: one and a half times the keep alive."""
    flags = 0x04
    head = connect("silent", keep_alive=1, flags=flags)
    body_will = b"\x00" + b"\x00\x04will" + b"\x00\x04gone"
    head = head[:1] + bytes([head[1] + len(body_will)]) + head[2:] + body_will
    with Wire(broker, head) as silent:
        silent.expect(2)
        assert watcher.receive().payload == b"gone"
        silent.expect_end(0x8D)


def test_a_will_without_delay_follows_the_session_that_ends(broker, watcher):
    """[MQTT-3.1.2-8]: a delay longer than the session's expiry ends with the session."""
    Client(broker, expiry=0, will=will(WillDelayInterval=600)).connect().drop()
    assert watcher.receive().payload == b"gone"
