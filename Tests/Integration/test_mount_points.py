"""Listeners with a mount point: a tree of topics for each, which its clients take for the whole."""

import pytest

from client import V5, V311, Client

CONFIG = """
broker:
  listeners:
    tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true }
    seven: { url: "mqtt://127.0.0.1:0", allow_anonymous: true, mount_point: "tenants/7/" }
    eight: { url: "mqtt://127.0.0.1:0", allow_anonymous: true, mount_point: "tenants/8/" }
"""

versions = pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5.0"])


@pytest.fixture
def broker(serve, threads):
    return serve(threads=threads, config=CONFIG)


def tenant(broker, name, **options):
    return Client(broker, port=broker.listener(name)["port"], **options)


@versions
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_tenants_see_their_own_topics_and_nobody_elses(broker, version, qos):
    with tenant(broker, "seven", version=version) as seven, tenant(broker, "eight", version=version) as eight, \
            Client(broker, version=version) as whole:
        for client in (seven, eight, whole):
            client.subscribe("#", qos)
        seven.publish("a/b", b"of seven", qos)
        eight.publish("a/b", b"of eight", qos)
        for client, payload in ((seven, b"of seven"), (eight, b"of eight")):
            message = client.receive()
            assert (message.topic, message.payload, message.qos) == ("a/b", payload, qos)
        assert {(m.topic, m.payload) for m in (whole.receive(), whole.receive())} == {
            ("tenants/7/a/b", b"of seven"), ("tenants/8/a/b", b"of eight")}
        whole.publish("tenants/7/end", b"end", qos)
        assert seven.receive().topic == "end" and eight.messages.empty()


def test_retained_messages_wills_and_queues_stay_below_the_mount_point(broker):
    with tenant(broker, "seven") as writer:
        writer.publish("kept", b"old", 1, retain=True)
    away = tenant(broker, "seven", client_id="away", expiry=60).connect()
    away.subscribe("queued", 1)
    away.drop()
    dying = tenant(broker, "seven", will={"topic": "will", "payload": b"gone", "qos": 1}).connect()
    with tenant(broker, "seven") as reader, tenant(broker, "eight") as other:
        reader.subscribe("#", 1)
        other.subscribe("#", 1)
        message = reader.receive()
        assert (message.topic, message.payload, message.retain) == ("kept", b"old", True)
        dying.drop()
        assert reader.receive().topic == "will"
        reader.publish("queued", b"later", 1)
        with tenant(broker, "seven", client_id="away", expiry=0, clean=False) as back:
            message = back.receive()
            assert (message.topic, message.payload) == ("queued", b"later")
        assert other.messages.empty()
