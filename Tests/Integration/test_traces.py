"""Traces as an operator gets them: two real clients, a broker, and a collector that decodes what arrives."""

import secrets

import pytest

from broker import BUILD, command
from client import V311, Client
from collector import Collector

CONFIG = """\
broker:
  listeners: {{ tcp: {{ url: "mqtt://127.0.0.1:0", allow_anonymous: true }} }}
plugins:
  - {{ id: acl, path: {acl}, config: {{ file: acl.yaml }} }}
  - {{ id: traces, path: {traces}, config: {{ endpoint: "{url}", interval: 1ms, {more} }} }}
"""
SERVER, PRODUCER = 2, 4


@pytest.fixture
def collector():
    with Collector() as collector:
        yield collector


@pytest.fixture
def start(serve, threads, tmp_path, collector):
    def start(more="ratio: 1"):
        (tmp_path / "acl.yaml").write_text('default: allow\nrules:\n  - { deny: publish, topic: "secret/#" }\n')
        return serve(threads=threads, config=CONFIG.format(
            acl=BUILD / "libacl.so", traces=BUILD / "libtraces.so", url=collector.url, more=more))
    return start


def context(sampled=True):
    """The trace, the span, and the traceparent of somebody who publishes."""
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    return trace, span, f"00-{trace}-{span}-{'01' if sampled else '00'}"


def user(message, name):
    return [value for key, value in getattr(message.properties, "UserProperty", []) if key == name]


def of_trace(collector, trace, *names):
    """The spans of one trace, once one of each name is there."""
    def look():
        spans = [span for span in collector.spans() if span.trace == trace]
        return spans if set(names) <= {span.name for span in spans} else None
    return collector.wait(look)


def test_a_chain_of_spans_from_one_client_to_the_other(start, collector):
    """Each span's parent is the one before, and what the receiver does hangs from the broker's span."""
    broker = start()
    trace, span, parent = context()
    with Client(broker, "receiver") as receiver, Client(broker, "sender") as sender:
        receiver.subscribe("t/#", 1)
        sender.publish("t/a", b"hello", 1, UserProperty=[("a", "1"), ("traceparent", parent), ("tracestate", "x=y")])
        message = receiver.receive()
    assert user(message, "a") == ["1"] and user(message, "tracestate") == ["x=y"]
    spans = {span.name: span for span in of_trace(collector, trace, "publish", "deliver", "hook acl.publish")}
    publish, deliver, hook = spans["publish"], spans["deliver"], spans["hook acl.publish"]
    assert user(message, "traceparent") == [f"00-{trace}-{publish.id}-01"]
    assert publish.parent == span
    assert deliver.parent == hook.parent == publish.id
    assert (publish.kind, deliver.kind) == (SERVER, PRODUCER)
    assert publish.attributes["messaging.system"] == "mqtt"
    assert publish.attributes["messaging.destination.name"] == "t/a"
    assert publish.attributes["messaging.client.id"] == "sender"
    assert publish.attributes["messaging.message.body.size"] == 5 and publish.attributes["mqtt.qos"] == 1
    assert deliver.attributes["messaging.client.id"] == "receiver"
    assert hook.attributes["hookline.plugin"] == "acl" and hook.attributes["hookline.verdict"] == "allow"
    assert all(span.state == "x=y" and 0 < span.began <= span.ended for span in spans.values())
    assert publish.resource["service.name"] == "hookline"
    assert not any(span.failed for span in spans.values())


def test_without_the_sampled_flag_there_is_no_span(start, collector):
    broker = start()
    quiet, _, unsampled = context(sampled=False)
    loud, _, sampled = context()
    with Client(broker, "receiver") as receiver, Client(broker, "sender") as sender:
        receiver.subscribe("t/#", 1)
        sender.publish("t/a", b"", 1, UserProperty=[("traceparent", unsampled)])
        assert user(receiver.receive(), "traceparent") == [unsampled], "handed on as it came"
        sender.publish("t/a", b"", 1, UserProperty=[("traceparent", sampled)])
        receiver.receive()
    # Spans leave in their order: those of the first message would be there by now.
    of_trace(collector, loud, "publish", "deliver")
    assert not [span for span in collector.spans() if span.trace == quiet]


def test_traces_begin_at_the_broker_by_the_ratio(start, collector):
    broker = start("ratio: 0")
    trace, _, parent = context()
    with Client(broker, "receiver") as receiver, Client(broker, "sender") as sender:
        receiver.subscribe("t/#", 1)
        for _ in range(20):
            sender.publish("t/a", b"", 1)
            assert not user(receiver.receive(), "traceparent")
        sender.publish("t/a", b"", 1, UserProperty=[("traceparent", parent)])
    of_trace(collector, trace, "publish")
    assert {span.trace for span in collector.spans()} == {trace}


def test_an_old_client_is_known_by_its_correlation_id(start, collector):
    """3.1.1 has no properties: the id in the payload is the trace, and 5.0 receivers are told of it."""
    broker = start("ratio: 1, correlation_field: trace_id")
    trace = secrets.token_hex(16)
    with Client(broker, "receiver") as receiver, Client(broker, "old", version=V311) as old:
        receiver.subscribe("t/#")
        old.publish("t/a", b'{"trace_id": "%s"}' % trace.encode())
        message = receiver.receive()
    spans = {span.name: span for span in of_trace(collector, trace, "publish", "deliver")}
    assert spans["publish"].attributes["messaging.message.conversation_id"] == trace
    assert user(message, "traceparent") == [f"00-{trace}-{spans['publish'].id}-01"]


def test_a_refused_message_and_one_that_waits(start, collector):
    broker = start()
    denied, _, first = context()
    waits, _, second = context()
    with Client(broker, "sender") as sender:
        with Client(broker, "sleeper", expiry=60) as sleeper:
            sleeper.subscribe("t/#", 1)
        sender.publish("secret/a", b"", 1, UserProperty=[("traceparent", first)])
        sender.publish("t/a", b"", 1, UserProperty=[("traceparent", second)])
        refused = {span.name: span for span in of_trace(collector, denied, "publish")}["publish"]
        assert refused.failed and refused.attributes["error.type"] == "publish_denied"
        queued = {span.name: span for span in of_trace(collector, waits, "publish", "queue")}
        with Client(broker, "sleeper", clean=False, expiry=60) as sleeper:
            message = sleeper.receive()
    publish = queued["publish"].id
    assert queued["queue"].parent == publish and user(message, "traceparent") == [f"00-{waits}-{publish}-01"]
    assert {span.name: span for span in of_trace(collector, waits, "deliver")}["deliver"].parent == publish


def test_a_collector_that_is_away_gets_the_spans_later_and_is_told_of_once(start, collector):
    broker = start()
    collector.status = 503
    trace, _, parent = context()
    with Client(broker, "sender") as sender:
        sender.publish("t/a", b"", 1, UserProperty=[("traceparent", parent)])
        assert broker.log.wait(r"WARN +traces.not_delivered .*503")
        collector.status = 200
        of_trace(collector, trace, "publish")
        broker.log.wait(r"traces.delivering")
    assert len([line for line in broker.log.lines if "traces.not_delivered" in line]) == 1


def test_a_new_generation_takes_over_and_no_span_is_told_twice(serve, tmp_path, collector):
    """While new code is on probation the old is warm behind it: one of them exports."""
    (tmp_path / "acl.yaml").write_text("default: allow\nrules: []\n")
    config = CONFIG.format(
        acl=BUILD / "libacl.so", traces=BUILD / "libtraces.so", url=collector.url, more="ratio: 1")
    broker = serve("--data-dir", tmp_path / "data", config=config, ephemeral=False)
    done = command("reload", "traces", "--config", tmp_path / "plugins.yaml", "--data-dir", tmp_path / "data")
    assert done.returncode == 0, done.stderr
    first, _, one = context()
    second, _, two = context()
    with Client(broker, "sender") as sender:
        sender.publish("t/a", b"", 1, UserProperty=[("traceparent", one)])
        of_trace(collector, first, "publish")
        sender.publish("t/a", b"", 1, UserProperty=[("traceparent", two)])
        of_trace(collector, second, "publish")
    spans = [span.id for span in collector.spans()]
    assert len(spans) == len(set(spans))


def test_headers_and_attributes_and_what_is_refused(start, collector, tmp_path):
    (tmp_path / "token").write_text("Bearer very-secret\n")
    broker = start('ratio: 1, authorization_file: token, headers: { X-Tenant: blue }, attributes: { host.name: h1 }')
    trace, _, parent = context()
    with Client(broker, "sender") as sender:
        sender.publish("t/a", b"", 1, UserProperty=[("traceparent", parent)])
    spans = of_trace(collector, trace, "publish")
    headers = collector.requests[0][1]
    assert headers["Authorization"] == "Bearer very-secret" and headers["X-Tenant"] == "blue"
    assert headers["Content-Type"] == "application/x-protobuf"
    assert spans[0].resource["host.name"] == "h1"
    broker.stop()
    assert "very-secret" not in broker.log.text()
    for setting, words in [("ratio: 2", "is no share"), ('ratio: 1, endpoint: "ftp://x"', "endpoint")]:
        path = tmp_path / "bad.yaml"
        more = setting.split("endpoint")[0].rstrip(", ")
        url = "ftp://x" if "ftp" in setting else collector.url
        path.write_text(CONFIG.format(acl=BUILD / "libacl.so", traces=BUILD / "libtraces.so", url=url, more=more))
        done = command("serve", "--ephemeral", "--config", path, cwd=tmp_path)
        assert done.returncode == 78 and "bad.yaml:5:" in done.stderr, (words, done.stderr)
