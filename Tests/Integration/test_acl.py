"""The acl plugin: its file is edited while clients work, and the next packet obeys."""

import os
import threading

import pytest

from broker import DEADLINE, command
from client import V311, Client, properties
from wire import Wire, connect, publish

CONFIG = """\
broker:
  listeners: { tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true } }
plugins:
  - { id: acl, config: { file: acl.yaml } }
"""
RULES = """\
default: deny
rules:
  - { publish: "sensors/%c/#", subscribe: "cmd/%c/#" }
  - { client: dashboard, publish: "end", subscribe: ["sensors/#", "end"] }
  - { deny: [publish, subscribe], topic: "sensors/+/secret/#" }
"""
DENIED = 0x87


class Rules:
    """The rule file beside a running broker."""

    def __init__(self, folder):
        self.path = folder / "acl.yaml"
        self.path.write_text(RULES)

    def write(self, text, broker, event):
        """Replace the file as an editor does, and wait until the broker says what it made of it."""
        before = len(broker.log.lines)
        fresh = self.path.with_suffix(".new")
        fresh.write_text(text)
        os.replace(fresh, self.path)
        return broker.log.wait(event, start=before)


@pytest.fixture
def rules(tmp_path):
    return Rules(tmp_path)


@pytest.fixture
def guarded(serve, threads, rules):
    return serve(threads=threads, config=CONFIG)


def test_publish_and_subscribe_obey_the_rules(guarded):
    with Client(guarded, "dev-1") as device, Client(guarded, "dashboard") as dashboard:
        assert dashboard.subscribe("sensors/#", 1) == 1
        assert dashboard.subscribe("end", 1) == 1
        assert dashboard.subscribe("cmd/dev-1/x", 1) == DENIED
        assert dashboard.subscribe("#", 1) == DENIED
        assert device.subscribe("cmd/dev-1/#", 1) == 1
        assert device.subscribe("cmd/dev-2/#", 1) == DENIED
        assert device.publish("sensors/dev-1/t", b"allowed", 1) == 0
        assert device.publish("sensors/dev-2/t", b"of another", 1) == DENIED
        assert device.publish("sensors/dev-1/secret/x", b"deny wins", 1) == DENIED
        device.publish("sensors/dev-2/t", b"quietly dropped", 0)
        assert device.publish("sensors/dev-1/t", b"second", 1) == 0
        assert dashboard.receive_payloads(2) == [b"allowed", b"second"]
        dashboard.publish("end", b"end", 1)
        assert dashboard.until(b"end") == []


def test_a_denied_qos_2_message_ends_with_its_pubrec(guarded):
    """By hand: paho goes on with PUBREL whatever the PUBREC says."""
    with Wire(guarded, connect("dev-1")) as device:
        device.expect(2)
        device.send(publish("sensors/dev-2/t", b"x", qos=2, identifier=3))
        assert device.expect(5)[:3] == b"\0\3" + bytes([DENIED])
        device.send(publish("sensors/dev-1/t", b"x", qos=2, identifier=3))
        assert device.expect(5)[:2] == b"\0\3"


def test_a_3_1_1_client_keeps_its_connection_when_denied(guarded):
    with Client(guarded, "dev-1", version=V311) as device, Client(guarded, "dashboard") as dashboard:
        dashboard.subscribe("sensors/#", 1)
        assert device.subscribe("cmd/dev-2/#", 1) == 0x80
        device.publish("sensors/dev-2/t", b"denied", 0)
        device.publish("sensors/dev-1/t", b"allowed", 1)
        assert dashboard.until(b"allowed") == []


def test_an_alias_does_not_slip_past_the_rules(guarded):
    """The alias is resolved before anybody is asked."""
    with Client(guarded, "dev-1") as device, Client(guarded, "dashboard") as dashboard:
        dashboard.subscribe("sensors/#", 1)
        device.send("sensors/dev-2/t", b"denied", 0, TopicAlias=1)
        assert device.publish("", b"denied too", 1, TopicAlias=1) == DENIED
        device.publish("sensors/dev-1/t", b"end", 1)
        assert dashboard.until(b"end") == []


def test_a_will_obeys_the_rules(guarded):
    with Client(guarded, "dashboard") as dashboard:
        dashboard.subscribe("sensors/#", 1)
        will = {"topic": "sensors/dev-1/will", "payload": b"allowed", "qos": 1}
        Client(guarded, "dev-1", will=will).connect().drop()
        assert dashboard.receive().payload == b"allowed"


def test_an_edit_reaches_fifty_clients_in_full_flight(guarded, rules):
    """All publish without pause while the file changes: none is cut off, and each one's next publish obeys."""
    clients = [Client(guarded, f"dev-{number}").connect() for number in range(50)]
    stop = threading.Event()
    seen = [[] for _ in clients]

    def work(number):
        while not stop.is_set():
            seen[number].append(clients[number].publish(f"sensors/dev-{number}/t", b"x", 1))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(50)]
    try:
        for thread in threads:
            thread.start()
        rules.write("default: deny\nrules: []\n", guarded, r"acl\.reloaded")
        after = [clients[number].publish(f"sensors/dev-{number}/t", b"x", 1) for number in range(50)]
        assert after == [DENIED] * 50, "the next publish of each"
        stop.set()
        for thread in threads:
            thread.join(DEADLINE)
        for codes in seen:
            changes = sum(a != b for a, b in zip([c == DENIED for c in codes], [c == DENIED for c in codes][1:]))
            assert changes <= 1, "from allowed to denied, once"
        rules.write(RULES, guarded, r"acl\.reloaded")
        assert not any(
            clients[number].publish(f"sensors/dev-{number}/t", b"x", 1) == DENIED for number in range(50))
        assert not any(client.disconnected.is_set() for client in clients), "nobody is disconnected"
    finally:
        stop.set()
        for client in clients:
            client.close()


def test_a_live_subscription_stops_when_the_rule_goes(guarded, rules):
    with Client(guarded, "dashboard") as dashboard, Client(guarded, "dev-1") as device:
        dashboard.subscribe("sensors/#", 1)
        dashboard.subscribe("end", 1)
        device.publish("sensors/dev-1/t", b"before", 1)
        assert dashboard.receive().payload == b"before"
        rules.write(RULES.replace('["sensors/#", "end"]', '"end"'), guarded, r"acl\.reloaded")
        device.publish("sensors/dev-1/t", b"after", 1)
        dashboard.publish("end", b"end", 1)
        assert dashboard.until(b"end") == []


def test_a_wide_subscription_delivers_only_what_may_be_seen(guarded):
    with Client(guarded, "dashboard") as dashboard, Client(guarded, "dev-1") as device:
        assert dashboard.subscribe("sensors/#", 1) == 1
        assert device.publish("sensors/dev-1/secret/key", b"secret", 1) == DENIED
        device.publish("sensors/dev-1/t", b"plain", 1)
        assert dashboard.until(b"plain") == []


@pytest.mark.parametrize("text, position", [
    ('default: deny\nrules:\n  - { publish: "sensors/#/temp" }\n', "acl.yaml:3:16"),
    ('default: perhaps\nrules: []\n', "acl.yaml:1:10"),
    ('default: deny\nrules:\n  - { publishes: "a" }\n', "acl.yaml:3:7"),
    ('default: deny\nrules: [\n', "acl.yaml:"),
])
def test_a_broken_edit_changes_nothing_and_says_where(guarded, rules, text, position):
    with Client(guarded, "dev-1") as device:
        rules.write(text, guarded, position.replace(".", r"\."))
        assert device.publish("sensors/dev-1/t", b"still allowed", 1) in (0, 0x10)
        assert device.publish("sensors/dev-2/t", b"still denied", 1) == DENIED
        rules.write("default: deny\nrules: []\n", guarded, r"acl\.reloaded")
        assert device.publish("sensors/dev-1/t", b"x", 1) == DENIED, "the repaired file counts"


def test_a_broken_file_at_the_start_is_78_with_its_position(serve, rules):
    rules.path.write_text('default: deny\nrules:\n  - { publish: "a/#/b" }\n')
    broker = serve(config=CONFIG, ready=False)
    assert broker.wait() == 78
    assert "acl.yaml:3:16" in broker.log.text()


def test_acl_and_auth_together(serve, threads, tmp_path):
    """Rules by user name, after the log-in."""
    assert command("passwd", "-c", "-b", tmp_path / "passwd", "alice", "wonder").returncode == 0
    (tmp_path / "acl.yaml").write_text('default: deny\nrules:\n  - { user: alice, publish: "#", subscribe: "#" }\n')
    config = CONFIG.replace(", allow_anonymous: true", "").replace(
        "plugins:\n", "plugins:\n  - { id: auth, config: { sources: [ { password_file: passwd } ] } }\n")
    broker = serve(threads=threads, config=config)
    with Client(broker, "x", username="alice", password="wonder") as client:
        assert client.subscribe("any/thing", 1) == 1
        client.publish("any/thing", b"x", 1)
        assert client.receive().payload == b"x"


# ---- rules on trial, explanations, senders


def test_explain_names_the_rule_with_file_and_line(tmp_path):
    (tmp_path / "acl.yaml").write_text(RULES)
    (tmp_path / "plugins.yaml").write_text(CONFIG)

    def explain(*arguments):
        result = command("acl", "explain", *arguments, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    assert explain("--client", "dev-1", "--publish", "sensors/dev-1/t", "--file", "acl.yaml") == (
        'allowed by acl.yaml:3: - { publish: "sensors/%c/#", subscribe: "cmd/%c/#" }')
    assert explain("--client", "dev-1", "--publish", "sensors/dev-1/secret/x", "--file", "acl.yaml").startswith(
        "denied by acl.yaml:5: ")
    assert explain("--client", "dev-1", "--subscribe", "$share/g/cmd/dev-2/#", "--file", "acl.yaml") == (
        "denied by acl.yaml:default: no rule applies")
    assert explain("--client", "dashboard", "--subscribe", "sensors/#", "-c", tmp_path / "plugins.yaml").endswith(
        'acl.yaml:4: - { client: dashboard, publish: "end", subscribe: ["sensors/#", "end"] }')


def test_check_counts_the_rules_or_names_the_faults(tmp_path):
    (tmp_path / "acl.yaml").write_text(RULES)
    (tmp_path / "bad.yaml").write_text("rules:\n  - { publish: 'a#' }\n")
    (tmp_path / "aclfile").write_text("user alice\ntopic readwrite a/#\npattern read b/%u\n")
    assert command("acl", "check", "acl.yaml", cwd=tmp_path).stdout == "acl.yaml: 3 rules\n"
    assert command("acl", "check", "aclfile", cwd=tmp_path).stdout == "aclfile: 2 rules\n"
    bad = command("acl", "check", "bad.yaml", cwd=tmp_path)
    assert bad.returncode == 78 and bad.stderr.startswith("bad.yaml:2:16: filter 'a#'")
    assert command("acl", "check", "none.yaml", cwd=tmp_path).returncode == 1
    assert command("acl", "explain", "--client", "c", cwd=tmp_path).returncode == 2


def test_a_lost_subscription_disconnects_if_asked_for(serve, threads, rules):
    broker = serve(threads=threads, config=CONFIG.replace(
        "file: acl.yaml", "file: acl.yaml, on_lost_permission: disconnect"))
    with Client(broker, "dashboard") as dashboard, Client(broker, "dev-1") as device:
        dashboard.subscribe("sensors/#", 1)
        device.subscribe("cmd/dev-1/#", 1)
        rules.write(RULES.replace('["sensors/#", "end"]', '"end"'), broker, r"acl\.reloaded")
        assert dashboard.disconnected.wait(DEADLINE)
        assert device.publish("sensors/dev-1/t", b"x", 1) in (0, 0x10), "who lost nothing goes on"


def test_queued_and_retained_messages_stop_with_the_rule(guarded, rules):
    session = Client(guarded, "dashboard", expiry=300).connect()
    session.subscribe("sensors/#", 1)
    session.close()
    with Client(guarded, "dev-1") as device:
        device.publish("sensors/dev-1/queued", b"queued", 1)
        device.publish("sensors/dev-1/retained", b"retained", 1, retain=True)
        rules.write(RULES + '  - { deny: deliver, topic: "sensors/#" }\n', guarded, r"acl\.reloaded")
        with Client(guarded, "dashboard", clean=False, expiry=300) as dashboard:
            dashboard.subscribe("sensors/#", 1)
            dashboard.publish("end", b"end", 1)
            dashboard.subscribe("end", 1)
            dashboard.publish("end", b"end", 1)
            assert dashboard.until(b"end") == []


def test_subscribers_learn_the_sender_from_the_broker(serve, threads, rules):
    broker = serve(threads=threads, config=CONFIG.replace(
        "file: acl.yaml", "file: acl.yaml, stamp: { client: sender }"))
    with Client(broker, "dashboard") as dashboard, Client(broker, "dev-1") as device:
        dashboard.subscribe("sensors/#", 1)
        device.publish("sensors/dev-1/t", b"x", 1, UserProperty=[("sender", "root"), ("other", "kept")])
        message = dashboard.receive()
        assert message.properties.UserProperty == [("other", "kept"), ("sender", "dev-1")]


def test_a_will_carries_its_sender_and_not_what_it_claims(serve, threads, rules):
    broker = serve(threads=threads, config=CONFIG.replace(
        "file: acl.yaml", "file: acl.yaml, stamp: { client: sender }"))
    claims = properties("WILLMESSAGE", UserProperty=[("sender", "root"), ("other", "kept")])
    with Client(broker, "dashboard") as dashboard:
        dashboard.subscribe("sensors/#", 1)
        Client(broker, "dev-1", will={
            "topic": "sensors/dev-1/will", "payload": b"gone", "qos": 1, "properties": claims}).connect().drop()
        message = dashboard.receive()
        assert message.payload == b"gone"
        assert message.properties.UserProperty == [("other", "kept"), ("sender", "dev-1")]


def test_a_retained_message_and_a_queued_one_carry_their_sender(serve, threads, rules):
    broker = serve(threads=threads, config=CONFIG.replace(
        "file: acl.yaml", "file: acl.yaml, stamp: { client: sender }"))
    session = Client(broker, "dashboard", expiry=300).connect()
    session.subscribe("sensors/+/queued", 1)
    session.close()
    with Client(broker, "dev-1") as device:
        for kind, retain in (("queued", False), ("retained", True)):
            device.publish(f"sensors/dev-1/{kind}", b"x", 1, retain, UserProperty=[("sender", "root")])
    with Client(broker, "dashboard", clean=False, expiry=300) as dashboard:
        assert dashboard.receive().properties.UserProperty == [("sender", "dev-1")]
        dashboard.subscribe("sensors/+/retained", 1)
        assert dashboard.receive().properties.UserProperty == [("sender", "dev-1")]


def test_a_will_that_lost_its_permission_is_not_published(guarded, rules):
    """Allowed when the client connected, and asked about again when its time has come."""
    with Client(guarded, "dashboard") as dashboard:
        dashboard.subscribe("sensors/#", 1)
        dashboard.subscribe("end", 1)
        device = Client(guarded, "dev-1", will={"topic": "sensors/dev-1/will", "payload": b"will", "qos": 1}).connect()
        rules.write(RULES + '  - { deny: publish, topic: "sensors/+/will" }\n', guarded, r"acl\.reloaded")
        device.drop()
        guarded.log.wait("client.disconnected .*client=dev-1")
        dashboard.publish("end", b"end", 1)
        assert dashboard.until(b"end") == []


def test_rules_on_trial_are_reported_and_not_obeyed(serve, rules, tmp_path):
    (tmp_path / "next.acl.yaml").write_text("rules: []\n")
    broker = serve(config=CONFIG.replace("file: acl.yaml", "file: acl.yaml, shadow: next.acl.yaml"))
    with Client(broker, "dev-1") as device:
        assert device.publish("sensors/dev-1/t", b"x", 1) in (0, 0x10)
        broker.log.wait(
            r"acl\.shadow_differs.*next\.acl\.yaml:default would have it denied; acl\.yaml:3 has it allowed")


def test_a_file_of_mosquitto_is_read_as_it_is(serve, threads, tmp_path):
    (tmp_path / "acl.yaml").write_text(
        "topic readwrite public/#\nuser alice\ntopic write in\npattern read out/%c/#\n")
    broker = serve(threads=threads, config=CONFIG)
    with Client(broker, "c1") as client:
        assert client.subscribe("#", 1) == 1, "as there: what is delivered is cut down"
        assert client.publish("in", b"x", 1) == DENIED
        client.publish("public/x", b"public", 1)
        assert client.receive().payload == b"public"
