"""Counters against what really happened, each kind of drop provoked. `make check-metrics` sends a million messages."""

import os
import subprocess

import pytest

from broker import BUILD, DEADLINE, ROOT
from client import Client, let_time_pass
from scrape import Metrics
from test_metrics import url_of
from wire import Wire, connect, publish, subscribe

MESSAGES = int(os.environ.get("HOOKLINE_MESSAGES", "20000"))
BATCH = 500
REASONS = {"queue_full", "output_full", "expired", "packet_too_large", "offline_qos0", "deliver_denied",
           "no_shared_member", "retained_limit", "plugin_dropped", "publish_denied", "rate_limited", "session_ended"}
DROPPER = """\
#include <hookline/plugin.h>
static hl_verdict dropped(void *state, hl_call *call, const hl_msg *msg) {
    (void)state; (void)call; (void)msg;
    return HL_DROP;
}
static hl_status start(hl_self *self, const hl_config *config, void **state) {
    (void)config; (void)state;
    hl_on_msg_in(self, hl_str("drop/#"), dropped);
    return HL_OK;
}
static const hl_config_key keys[] = {{0, 0, 0, 0}};
HL_PLUGIN("org.hookline.test.dropper", "1.0.0", HL_FREE, keys, start)
"""
RULES = """\
default: allow
rules:
  - { deny: publish, topic: "no/publish/#" }
  - { deny: deliver, topic: "no/deliver/#" }
"""
CONFIG = """\
broker:
  listeners: {{ tcp: {{ url: "mqtt://127.0.0.1:0", allow_anonymous: true }} }}
  session: {{ max_queued_messages: 50 }}
  limits: {{ {limits} }}
plugins:
  - {{ id: metrics, path: {build}/libmetrics.so, config: {{ bind: "localhost:0", sys_interval: 0s }} }}
"""


def config(limits, more=""):
    return CONFIG.format(limits=limits, build=BUILD) + more


@pytest.fixture
def dropper(tmp_path):
    """A plugin that drops what is published under drop/."""
    (tmp_path / "dropper.c").write_text(DROPPER)
    done = subprocess.run(
        ["gcc", "-shared", "-fPIC", "-o", "dropper.so", "dropper.c", f"-I{ROOT}/Sources/PluginABI/include"],
        cwd=tmp_path, capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 0, done.stderr


class Truth:
    """What has happened, counted by those who did it."""

    def __init__(self):
        self.received = [0, 0, 0]
        self.sent = [0, 0, 0]
        self.payload = 0
        self.dropped = dict.fromkeys(REASONS, 0)

    def publish(self, client, topic, count, qos=0, payload=b"payload", accepted=True, **options):
        """`count` messages, and then one that tells that they have been taken."""
        for number in range(count):
            client.publish(topic.format(number), payload, qos, **options)
        client.publish("sync", b"", 1)
        self.received[1] += 1
        if accepted:
            self.received[qos] += count
            self.payload += count * len(payload)

    def check(self, metrics):
        for qos in range(3):
            assert metrics("hookline_messages_received_total", qos=str(qos)) == self.received[qos], qos
            assert metrics("hookline_messages_sent_total", qos=str(qos)) == self.sent[qos], qos
        told = {reason: metrics("hookline_messages_dropped_total", reason=reason) for reason in REASONS}
        assert told == self.dropped
        assert metrics("hookline_messages_dropped_total") == sum(self.dropped.values()), "there is another reason"
        assert metrics("hookline_payload_bytes_received_total") == self.payload
        assert metrics("hookline_message_size_bytes_count") == sum(self.received)
        assert metrics("hookline_message_size_bytes_sum") == self.payload


def flood(broker, count):
    """Sends `count` messages of QoS 0 from one client to another, in batches."""
    one = publish("load", b"x" * 32)
    with Wire(broker, connect("flood-sub"), subscribe("load")) as receiver, \
            Wire(broker, connect("flood-pub")) as sender:
        receiver.expect(2)
        receiver.expect(9)
        sender.expect(2)
        batch = one * BATCH
        for _ in range(count // BATCH):
            sender.send(batch)
            left = len(batch)
            while left > 0:
                got = receiver.socket.recv(left)
                assert got, "the connection ended"
                left -= len(got)


def test_every_message_is_counted_once(serve, threads, tmp_path, dropper):
    (tmp_path / "acl.yaml").write_text(RULES)
    broker = serve(threads=threads, config=config("max_retained_messages: 5", (
        f"  - {{ id: acl, path: {BUILD}/libacl.so, config: {{ file: acl.yaml }} }}\n"
        "  - { id: dropper, path: dropper.so }\n")))
    truth = Truth()
    asleep = Client(broker, "asleep", clean=False, expiry=3600).connect()
    asleep.subscribe("q/#", 1)
    asleep.subscribe("zero/#", 0)
    asleep.subscribe("$share/g/shared/#", 1)
    asleep.close()
    late = Client(broker, "late", clean=False, expiry=3600).connect()
    late.subscribe("late/#", 1)
    late.close()
    with Client(broker, "pub") as publisher, Client(broker, "sub") as subscriber, \
            Client(broker, "small", MaximumPacketSize=60) as small:
        subscriber.subscribe("two/#", 2)
        subscriber.subscribe("no/#", 0)
        small.subscribe("big/#", 0)
        flood(broker, MESSAGES)
        truth.received[0] += MESSAGES // BATCH * BATCH
        truth.sent[0] += MESSAGES // BATCH * BATCH
        truth.payload += MESSAGES // BATCH * BATCH * 32
        truth.publish(publisher, "two/{}", 20, 2)
        truth.sent[2] += 20
        truth.publish(publisher, "q/{}", 80, 1)
        truth.dropped["queue_full"] += 30
        truth.publish(publisher, "zero/{}", 7)
        truth.dropped["offline_qos0"] += 7
        truth.publish(publisher, "late/{}", 4, 1, MessageExpiryInterval=1)
        truth.publish(publisher, "big/{}", 3, payload=b"x" * 200)
        truth.dropped["packet_too_large"] += 3
        truth.publish(publisher, "no/deliver/{}", 6)
        truth.dropped["deliver_denied"] += 6
        truth.publish(publisher, "no/publish/{}", 5, 1, accepted=False)
        truth.dropped["publish_denied"] += 5
        truth.publish(publisher, "shared/{}", 3)
        truth.dropped["no_shared_member"] += 3
        truth.publish(publisher, "kept/{}", 8, retain=True)
        truth.dropped["retained_limit"] += 3
        truth.publish(publisher, "drop/{}", 9, accepted=False)
        truth.dropped["plugin_dropped"] += 9
        subscriber.receive_payloads(20)
        let_time_pass(broker, 2)
        # The will by which time is told.
        truth.sent[0] += 1
        with Client(broker, "late", clean=False, expiry=3600) as back:
            back.subscribe("end", 1)
            truth.publish(publisher, "end", 1, 1)
            assert back.until(b"payload") == []
            truth.sent[1] += 1
        truth.dropped["expired"] += 4
        with Client(broker, "asleep", clean=True):
            truth.dropped["session_ended"] += 50
        metrics = Metrics.of(url_of(broker))
    truth.check(metrics)
    assert metrics("hookline_retained_messages") == 5
    assert metrics("hookline_acl_decisions_total", action="publish", result="denied") == 5
    assert metrics("hookline_acl_decisions_total", action="deliver", result="denied") == 6
    assert metrics("hookline_acl_decisions_total", action="publish", result="allowed") >= sum(truth.received)
    assert metrics("hookline_acl_decisions_total", action="subscribe", result="denied") == 0


def test_messages_over_the_rate_are_counted(serve, threads):
    broker = serve(threads=threads, config=config("max_message_rate: 10/s, rate_burst: 1s, on_rate_exceeded: drop"))
    with Client(broker) as publisher:
        codes = [publisher.publish("a", b"x", 1) for _ in range(60)]
        metrics = Metrics.of(url_of(broker))
    refused = codes.count(0x97)
    assert refused > 0
    assert metrics("hookline_messages_dropped_total", reason="rate_limited") == refused
    assert metrics("hookline_messages_received_total", qos="1") == len(codes) - refused


def test_what_a_slow_reader_misses_is_counted(serve, threads):
    broker = serve(threads=threads, config=config("max_output_bytes: 64KiB"))
    count, size = 12_000, 1_000
    with Wire(broker, connect("slow"), subscribe("a"), subscribe("end", 1, identifier=2)) as slow, \
            Client(broker, "pub") as publisher:
        for kind in (2, 9, 9):
            slow.expect(kind)
        with Wire(broker, connect("flood")) as flooder:
            flooder.expect(2)
            for _ in range(count // 100):
                flooder.send(publish("a", b"x" * size) * 100)
            flooder.send(publish("b", b"", qos=1))
            flooder.expect(4)
        publisher.publish("end", b"end", 1)
        arrived = -1
        topic = b""
        while topic != b"end":
            _, _, body = slow.read()
            topic = body[2:2 + int.from_bytes(body[:2], "big")]
            arrived += 1
        metrics = Metrics.of(url_of(broker))
    dropped = metrics("hookline_messages_dropped_total", reason="output_full")
    assert dropped == count - arrived and dropped > 0
    assert metrics("hookline_messages_sent_total", qos="0") == arrived


def test_log_ins_and_their_ends_are_counted(serve, threads):
    broker = serve(threads=threads, config=config("max_sessions: 3"))
    with Client(broker, "a"), Client(broker, "b"), Client(broker, "c"):
        for _ in range(2):
            with Wire(broker, connect("d")) as refused:
                refused.expect(2)
                refused.expect_end()
        with Wire(broker, b"\xf0\x00") as wrong:
            wrong.expect_end()
        metrics = Metrics.of(url_of(broker))
        assert metrics("hookline_auth_attempts_total", result="accepted") == 3
        assert metrics("hookline_auth_attempts_total", result="refused", reason="quota_exceeded") == 2
        assert metrics("hookline_connects_total") == 5
        assert metrics("hookline_errors_total", kind="connection_refused") == 3
        assert metrics("hookline_errors_total", kind="protocol_error") == 1
        assert metrics("hookline_connections", protocol="mqtt", listener="tcp") == 3
        assert metrics("hookline_sessions", state="connected") == 3
    metrics = Metrics.of(url_of(broker))
    assert metrics("hookline_disconnects_total", reason="client_disconnect") == 3
    assert metrics("hookline_disconnects_total") == 3
