"""Messages over HTTP: what a client of MQTT and one of HTTP see of each other."""

import base64
import json
import re

import pytest

from broker import DEADLINE, command
from client import Client, properties
from http_api import API, Events, needs_http

pytestmark = needs_http

OPEN = """\
broker:
  listeners: { tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true } }
plugins:
  - { id: http, config: { bind: "127.0.0.1:0", health_bind: "127.0.0.1:0"%s } }
"""
RULED = """\
broker:
  listeners: { tcp: { url: "mqtt://127.0.0.1:0" } }
plugins:
  - { id: auth, config: { sources: [ { password_file: passwd } ] } }
  - { id: acl, config: { file: acl.yaml, stamp: { client: client_id } } }
  - { id: http, config: { bind: "127.0.0.1:0", health_bind: "", operators: [root], tokens: api-tokens } }
"""
RULES = """\
default: deny
rules:
  - { user: alice, publish: "a/#", subscribe: "a/#" }
  - { user: root, publish: "#", subscribe: "#" }
"""


@pytest.fixture
def broker(serve, threads):
    return serve(threads=threads, config=OPEN % "")


@pytest.fixture
def api(broker):
    return API(broker)


@pytest.fixture
def ruled(serve, threads, tmp_path):
    assert command("passwd", "-c", "-b", tmp_path / "passwd", "alice", "wonder").returncode == 0
    assert command("passwd", "-b", tmp_path / "passwd", "root", "secret").returncode == 0
    (tmp_path / "acl.yaml").write_text(RULES)
    return serve(threads=threads, config=RULED)


# POST /publish


def test_the_body_is_the_payload_whatever_it_is(broker, api):
    with Client(broker, "sub") as client:
        client.subscribe("a/b", 1)
        reply = api.post("/publish?topic=a/b&qos=1", b'{"not":"an envelope"}', {"Content-Type": "application/json"})
        assert reply.status == 200, reply
        assert (reply.json["matched"], reply.json["sent"], reply.json["queued"]) == (1, 1, 0)
        assert reply.json["id"]
        message = client.receive()
        assert (message.topic, message.payload, message.qos) == ("a/b", b'{"not":"an envelope"}', 1)
        assert message.properties.ContentType == "application/json"


def test_online_and_offline_receivers_are_counted(broker, api):
    with Client(broker, "away", clean=False, expiry=60) as client:
        client.subscribe("a/b", 1)
    with Client(broker, "here-1") as one, Client(broker, "here-2") as two:
        one.subscribe("a/b", 1)
        two.subscribe("a/#", 0)
        reply = api.post("/publish?topic=a/b&qos=1", b"x").json
        assert (reply["matched"], reply["sent"], reply["queued"]) == (3, 2, 1)
        assert one.receive().payload == two.receive().payload == b"x"


def test_nobody_subscribes(api):
    reply = api.post("/publish?topic=a/b&qos=1", b"x")
    assert reply.status == 200
    assert reply.json["matched"] == 0 and reply.json["reason_code"] == 16
    assert reply.json["reason"] == "No matching subscribers"


def test_a_retained_message_waits_for_its_subscriber(broker, api):
    assert api.post("/publish?topic=a/b&retain=true", b"kept").status == 200
    with Client(broker, "late") as client:
        client.subscribe("a/b")
        message = client.receive()
        assert message.payload == b"kept" and message.retain


@pytest.mark.parametrize("query, word", [
    ("", "topic"), ("?topic=", "topic"), ("?topic=a/%23", "topic"), ("?topic=a&qos=3", "qos"),
    ("?topic=a&retain=yes", "retain"), ("?topic=a&retian=true", "retian"), ("?topic=%ff", "escape"),
    ("?topic=a&topic=b", "more than once"),
])
def test_what_is_wrong_is_said(api, query, word):
    reply = api.post("/publish" + query, b"x")
    assert reply.status == 400, reply
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert word in reply.json["detail"] and reply.json["status"] == 400


def test_a_body_over_the_limit_is_refused(serve):
    api = API(serve(config=OPEN % ", max_body: 1KiB"))
    assert api.post("/publish?topic=a", b"x" * 1024).status == 200
    assert api.post("/publish?topic=a", b"x" * 1025).status == 413


# POST /api/v1/publish


def test_the_envelope_carries_properties(broker, api):
    with Client(broker, "sub") as client:
        client.subscribe("a/b", 1)
        reply = api.post_json("/api/v1/publish", {
            "topic": "a/b", "payload": "aGk=", "payload_encoding": "base64", "qos": 1, "retain": True,
            "properties": {"content_type": "x", "user": [["k", "v"]], "response_topic": "r", "correlation_data": "AQI=",
                           "message_expiry_interval": 60, "payload_format_indicator": 1}})
        assert reply.status == 200, reply
        message = client.receive()
        assert message.payload == b"hi"
        got = message.properties
        assert (got.ContentType, got.UserProperty, got.ResponseTopic) == ("x", [("k", "v")], "r")
        assert (got.CorrelationData, got.PayloadFormatIndicator) == (b"\x01\x02", 1)
        assert 0 < got.MessageExpiryInterval <= 60


@pytest.mark.parametrize("body", [
    b"", b"[]", b"{", b'{"payload":"x"}', b'{"topic":1}', b'{"topic":"a","qos":"1"}', b'{"topic":"a","qos":3}',
    b'{"topic":"a","payload":"?","payload_encoding":"base64"}', b'{"topic":"a","unknown":1}',
    b'{"topic":"a","topic":"b"}', b'{"topic":"a","properties":{"user":[["k"]]}}',
    b'{"topic":"a","properties":{"response_topic":"#"}}', b'{"topic":"a","properties":{"x":1}}', b"\xff",
])
def test_an_envelope_that_is_none_is_refused(api, body):
    reply = api.post("/api/v1/publish", body)
    assert reply.status == 400, reply
    assert reply.json["title"] == "Invalid request"


def test_the_trace_of_a_request_goes_on_in_the_message(broker, api):
    context = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with Client(broker, "sub") as client:
        client.subscribe("a", 1)
        headers = {"traceparent": context, "tracestate": "x=1"}
        assert api.post("/publish?topic=a", b"x", headers).status == 200
        assert client.receive().properties.UserProperty == [("traceparent", context), ("tracestate", "x=1")]
        assert api.post("/publish?topic=a", b"x", {"traceparent": "nonsense"}).status == 200
        assert not hasattr(client.receive().properties, "UserProperty")


# Rules


def test_the_rules_are_those_of_every_client(ruled):
    alice = API(ruled, user=("alice", "wonder"))
    assert alice.post("/publish?topic=a/b&qos=1", b"x").status == 200
    reply = alice.post("/publish?topic=b&qos=1", b"x")
    assert reply.status == 403
    problem = reply.json
    assert problem["type"] == "/problems/publish-denied" and problem["title"] == "Publish denied"
    assert problem["detail"] == "not authorized to publish to b" and problem["reason_code"] == 135
    assert "rule" not in problem, "who may not read the rules does not learn which one it was"


def test_nobody_gets_in_with_wrong_credentials_or_without(ruled):
    for api in (API(ruled, user=("alice", "wrong")), API(ruled), API(ruled, token="no-such-token"),
                API(ruled, token="hlt_" + "A" * 43)):
        for path in ("/publish?topic=a/b", "/api/v1/publish"):
            reply = api.post(path, b'{"topic":"a/b"}')
            assert reply.status == 401, reply
            assert "Basic" in reply.headers["WWW-Authenticate"]
        with api.subscribe("filter=a/b") as events:
            assert events.status == 401


def test_a_subscription_that_is_denied_is_a_403(ruled):
    alice = API(ruled, user=("alice", "wonder"))
    with alice.subscribe("filter=b/%23") as events:
        assert events.status == 403
    with alice.subscribe("filter=a/%23") as events:
        assert events.status == 200


def test_an_operators_token_publishes_as_the_broker(ruled, tmp_path):
    operate = command("token", "create", "--file", tmp_path / "api-tokens", "--role", "operate").stdout.strip()
    read = command("token", "create", "--file", tmp_path / "api-tokens", "--role", "read").stdout.strip()
    ruled.log.wait(r"http\.reloaded.*2 tokens")
    with Client(ruled, "root", username="root", password="secret") as client:
        client.subscribe("z", 1)
        assert API(ruled, token=operate).post("/publish?topic=z&qos=1", b"x").json["sent"] == 1
        assert client.receive().payload == b"x"
    assert API(ruled, token=read).post("/publish?topic=z", b"x").status == 403


# GET /subscribe


def test_messages_come_as_events(broker, api):
    with api.subscribe("filter=a/%23&qos=1") as events, Client(broker, "dev-17") as client:
        assert "text/event-stream" in events.head
        client.publish("a/b", b"hi", 1)
        message = events.message()
        assert message["topic"] == "a/b" and message["payload"] == "hi"
        assert (message["payload_encoding"], message["qos"], message["retain"]) == ("plain", 1, False)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", message["time"])
        client.publish("a/b", b"\xff\x00", 0)
        message = events.message()
        assert message["payload_encoding"] == "base64" and base64.b64decode(message["payload"]) == b"\xff\x00"


def test_the_sender_is_told_where_messages_are_stamped_with_it(ruled):
    with API(ruled, user=("root", "secret")).subscribe("filter=a/b") as events:
        with Client(ruled, "dev-17", username="alice", password="wonder") as client:
            client.publish("a/b", b"x", 1)
        assert events.message()["client_id"] == "dev-17"


def test_retained_messages_come_first_and_wildcards_need_no_escape(broker, api):
    for name in ("one", "two"):
        assert api.post(f"/publish?topic=a/{name}/x&retain=true", name.encode()).status == 200
    with api.subscribe("filter=a/+/x&filter=b") as events:
        first = [events.message() for _ in range(2)]
        assert {m["payload"] for m in first} == {"one", "two"} and all(m["retain"] for m in first)
        assert api.post("/publish?topic=b", b"later").json["matched"] == 1
        assert events.message()["payload"] == "later"


@pytest.mark.parametrize("query", ["", "filter=", "filter=a/%23/b", "filter=a&qos=2", "filter=a&q=1"])
def test_a_subscription_that_is_none_is_a_400(api, query):
    with api.subscribe(query) as events:
        assert events.status == 400


def test_silence_is_broken_by_comments(serve):
    api = API(serve(config=OPEN % ", heartbeat: 50ms"))
    with api.subscribe("filter=a") as events:
        assert events.comment_or_event() is None
        assert events.comment_or_event() is None


def test_a_reader_who_comes_back_misses_nothing(broker, api):
    with Client(broker, "dev") as client:
        with api.subscribe("filter=a&qos=1") as events:
            for number in range(3):
                client.publish("a", str(number).encode(), 1)
            seen = [events.message() for _ in range(3)]
        for number in range(3, 6):
            client.publish("a", str(number).encode(), 1)
        # It says that it has seen the second one only: the third comes again, and what came meanwhile.
        with api.subscribe("filter=a&qos=1", **{"Last-Event-ID": seen[1]["event_id"]}) as events:
            assert [events.message()["payload"] for _ in range(4)] == ["2", "3", "4", "5"]
            client.publish("a", b"6", 1)
            assert events.message()["payload"] == "6"


def test_an_event_id_of_somebody_else_resumes_nothing(ruled):
    root, alice = API(ruled, user=("root", "secret")), API(ruled, user=("alice", "wonder"))
    with root.subscribe("filter=z&qos=1") as events:
        assert root.post("/publish?topic=z&qos=1", b"1").status == 200
        seen = events.message()
        assert root.post("/publish?topic=z&qos=1", b"2").status == 200
        events.message()
    with alice.subscribe("filter=a/b", **{"Last-Event-ID": seen["event_id"]}) as events:
        assert alice.post("/publish?topic=a/b", b"mine").status == 200
        assert events.message()["payload"] == "mine"


def test_a_stalled_reader_is_dropped_and_holds_up_nobody(serve):
    broker = serve(config=OPEN % ", slow_subscriber_timeout: 300ms, subscriber_queue: 64KiB")
    api = API(broker)
    stalled = Events(api, "filter=a", receive_buffer=4096)
    with api.subscribe("filter=a") as events, Client(broker, "dev") as client:
        payload = b"x" * 60_000
        taken = 0
        while not any("http.subscriber_dropped" in line for line in list(broker.log.lines)):
            client.publish("a", payload, 1)
            assert events.message()["payload"] == payload.decode()
            taken += 1
            assert taken < 5_000, "the stalled reader was not dropped"
        client.publish("a", b"end", 1)
        assert events.message()["payload"] == "end"
    stalled.close()


def test_there_are_only_so_many_subscribers(serve):
    api = API(serve(config=OPEN % ", max_subscribers: 1"))
    with api.subscribe("filter=a") as first:
        assert first.status == 200
        with api.subscribe("filter=a") as second:
            assert second.status == 503 and "Retry-After" in second.head


def test_a_thousand_readers_and_one_who_stalls(serve):
    broker = serve(config=OPEN % ", max_subscribers: 1100")
    api = API(broker)
    readers = [Events(api, "filter=a&qos=1") for _ in range(1000)]
    stalled = Events(api, "filter=a&qos=1", receive_buffer=4096)
    try:
        reply = api.post("/publish?topic=a&qos=1", b"hello").json
        assert reply["matched"] == 1001, reply
        assert all(reader.message()["payload"] == "hello" for reader in readers)
    finally:
        for reader in [*readers, stalled]:
            reader.close()
