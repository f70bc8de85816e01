"""What administrators ask and do, over the control socket (docs/administration.md)."""

import re
import signal

import pytest

from broker import ROOT, command
from client import V5, V311, Client
from control import CONFIG, Control

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


@pytest.fixture
def broker(serve, threads):
    return serve("--no-plugins", config=CONFIG, ephemeral=False, threads=threads)


@pytest.fixture
def control(broker, tmp_path):
    with Control(tmp_path) as control:
        yield control


def test_a_client_is_described_while_it_is_connected_and_after(broker, control):
    with Client(broker, "dev-17", version=V5, clean=False, expiry=3600) as client:
        client.subscribe("a/#", 1)
        item = control.do("client", client_id="dev-17")
        assert TIME.match(item.pop("connected_at"))
        assert re.match(r"127\.0\.0\.1:\d+$", item.pop("address"))
        assert item.pop("loop") in (0, 1)
        keep_alive = item.pop("keep_alive")
        assert isinstance(keep_alive, int)
        assert item == {
            "client_id": "dev-17", "connected": True, "username": None, "listener": "tcp", "protocol": "5.0",
            "persistent": True, "session_expiry_interval": 3600, "subscriptions": 1, "inflight": 0, "queued": 0}
    broker.log.wait("client.disconnected .*client=dev-17")
    with Client(broker) as other:
        other.publish("a/b", b"waits", qos=1)
    item = control.do("session", client_id="dev-17")
    assert (item["connected"], item["address"], item["connected_at"], item["queued"]) == (False, None, None, 1)
    missing = control.refused("client", client_id="nobody")
    assert (missing["kind"], missing["exit"]) == ("not_found", 1) and "nobody" in missing["error"]


def test_lists_are_paged_and_each_session_is_told_once(broker, control):
    for number in range(23):
        with Client(broker, f"away-{number}", version=V5, clean=False, expiry=600) as client:
            client.subscribe(f"t/{number}")
            client.subscribe("t/+")
        broker.log.wait(f"client.disconnected .*client=away-{number} ")
    with Client(broker, "here"):
        names = [item["client_id"] for item in control.all_items("clients", 5)]
        assert sorted(names) == sorted([f"away-{number}" for number in range(23)] + ["here"])
        page = control.do("sessions", limit=1000)
        assert (page["total"], page["next_cursor"], len(page["items"])) == (24, None, 24)
        connected = control.do("clients", connected=True)
        assert [item["client_id"] for item in connected["items"]] == ["here"] and connected["total"] is None
        assert len(control.all_items("clients", 4, connected=False)) == 23
        subscriptions = control.all_items("subscriptions", 3)
        assert len(subscriptions) == 46
        assert len({(item["client_id"], item["filter"]) for item in subscriptions}) == 46
        assert control.do("subscriptions", limit=1)["total"] == 46
        assert len(control.all_items("subscriptions", 7, topic="t/3")) == 24
        assert {item["filter"] for item in control.do("subscriptions", client_id="away-4")["items"]} == {"t/4", "t/+"}


def test_a_topic_says_who_receives_it(broker, control):
    with Client(broker, "one") as one, Client(broker, "two") as two:
        one.subscribe("a/+")
        two.subscribe("$share/g/a/b")
        one.publish("a/b", b"kept", qos=1, retain=True)
        topic = control.do("topic", topic="a/b")
        assert (topic["subscribers"], topic["shared_groups"]) == (1, 1)
        assert (topic["retained"]["size"], topic["retained"]["client_id"]) == (4, "one")
        for number in range(9):
            one.publish(f"a/{number}", b"x")
        one.publish("a/last", b"x", qos=1)
        wanted = {"a/b", "a/last", *(f"a/{number}" for number in range(9))}
        assert wanted <= {item["topic"] for item in control.all_items("topics", 4)}


def test_retained_messages_are_browsed_and_deleted(broker, control):
    with Client(broker, "writer") as client:
        for number in range(150):
            client.send(f"r/{number}", f"value {number}".encode(), qos=0, retain=True)
        client.publish("r/bytes", b"\x00\xff", qos=1, retain=True)
        items = control.all_items("retained", 7)
        assert len({item["topic"] for item in items}) == len(items) == 151
        assert all(TIME.match(item["published_at"]) and item["expires_at"] is None for item in items)
        assert control.do("retained", limit=1)["total"] == 151
        assert [item["topic"] for item in control.do("retained", filter="r/17")["items"]] == ["r/17"]
        text = control.do("retained_message", topic="r/5")
        assert (text["payload"], text["payload_encoding"], text["qos"]) == ("value 5", "plain", 0)
        assert control.do("retained_message", topic="r/bytes")["payload"] == "AP8="
        client.subscribe("r/5")
        assert client.receive().payload == b"value 5"
        assert control.do("delete_retained", topic="r/5") == {"deleted": "r/5"}
        assert client.receive().payload == b"", "subscribers learn of it"
    assert control.refused("delete_retained", topic="r/5")["kind"] == "not_found"
    assert control.refused("retained_message", topic="r/5")["kind"] == "not_found"


@pytest.mark.parametrize("version", [V311, V5])
def test_disconnect_keeps_the_session_and_delete_forgets_it(broker, control, version):
    client = Client(broker, "c", version=version, clean=False, expiry=600 if version == V5 else None).connect()
    client.subscribe("t", 1)
    assert control.do("disconnect", client_id="c", reason_code=0x97) == {"disconnected": "c", "reason_code": 0x97}
    client.wait_closed()
    assert control.refused("disconnect", client_id="c")["kind"] == "not_found"
    assert control.do("session", client_id="c")["subscriptions"] == 1
    assert control.do("delete_session", client_id="c") == {"deleted": "c"}
    assert control.refused("session", client_id="c")["kind"] == "not_found"
    assert control.refused("disconnect", client_id="c", reason_code=4)["kind"] == "invalid"


@pytest.mark.parametrize("parameters, words", [
    ({"command": "clients", "limt": 5}, "no parameter 'limt'; it takes limit, cursor, connected"),
    ({"command": "clients", "limit": 0}, "limit: 0 is not in the range 1 to 1000"),
    ({"command": "clients", "limit": "5"}, "limit: \"5\" is not a whole number"),
    ({"command": "clients", "cursor": "?"}, "cursor: not one that this broker gave"),
    ({"command": "retained", "cursor": "zz"}, "cursor: not one that this broker gave"),
    ({"command": "retained", "filter": "a/#/b"}, "filter: not a topic filter"),
    ({"command": "client"}, "client_id is missing"),
    ({"command": "topic", "topic": "a/#"}, "topic: not a topic name"),
    ({"command": "config_set", "path": "broker.log.level"}, "value is missing"),
    ({"command": "dance"}, "no such command; there are status, health, ready"),
])
def test_a_wrong_request_says_what_is_wrong(broker, control, parameters, words):
    answer = control.refused(**parameters)
    assert (answer["kind"], answer["exit"]) == ("invalid", 2)
    assert words in answer["error"]


def test_ready_health_listeners_and_config_tell_the_truth(broker, control):
    ready = control.do("ready")
    assert (ready["ready"], ready["status"], ready["checks"]["listeners"]) == (True, "ready", "ok")
    assert control.do("health") == {"status": "ok", "state": "ready"}
    listener, = control.do("listeners")["items"]
    assert (listener["name"], listener["port"], listener["tls"]) == ("tcp", broker.port, False)
    settings = {setting["path"]: setting for setting in control.do("config")["settings"]}
    level = settings["broker.log.level"]
    assert (level["value"], level["default"], level["origin"]) == ("info", "info", "default")
    assert settings["broker.reload.auto"]["origin"] == "--set broker.reload.auto"


def test_a_draining_broker_is_not_ready(serve, tmp_path):
    broker = serve("--no-plugins", config=CONFIG, ephemeral=False)
    with Control(tmp_path) as control:
        client = Client(broker, "slow", version=V5).connect()
        client.subscribe("t", 1)
        # A message without its acknowledgement holds the drain open.
        client.paho.manual_ack_set(True)
        with Client(broker) as other:
            other.publish("t", b"x", qos=1)
        client.receive()
        broker.signal(signal.SIGTERM)
        broker.log.wait(r"broker\.draining")
        ready = control.do("ready")
        assert (ready["ready"], ready["status"]) == (False, "draining")
        assert control.do("health") == {"status": "ok", "state": "draining"}
        assert command("health", cwd=tmp_path).returncode == 1
        broker.signal(signal.SIGTERM)


def test_test_mode_resets_and_settles(serve, threads, tmp_path):
    broker = serve("--no-plugins", "--test-mode", config=CONFIG, ephemeral=False, threads=threads)
    with Control(tmp_path) as control:
        for name in ("a", "b"):
            with Client(broker, name, version=V5, clean=False, expiry=600) as client:
                client.subscribe("t/#", 1)
            broker.log.wait(f"client.disconnected .*client={name} ")
        client = Client(broker, "c").connect()
        # What the broker has not read it cannot know of: every message is acknowledged before it is asked.
        for sent in [client.send(f"t/{number}", b"x", qos=1, retain=True) for number in range(50)]:
            client.wait_published(sent)
        control.do("test_settle")
        assert control.do("session", client_id="a")["queued"] == 50
        assert control.do("retained")["total"] == 50
        control.do("test_reset")
        client.wait_closed()
        assert control.do("clients") == {"items": [], "next_cursor": None, "total": 0}
        assert control.do("retained") == {"items": [], "next_cursor": None, "total": 0}
        with Client(broker, "a") as again:
            again.subscribe("t/#")
            again.publish("t/1", b"fresh")
            assert again.receive().payload == b"fresh"


def test_reset_is_for_test_mode_only(broker, control):
    for name in ("test_reset", "test_settle"):
        assert control.refused(name)["kind"] == "not_allowed"


def test_the_page_names_every_command():
    page = (ROOT / "docs" / "administration.md").read_text()
    source = (ROOT / "Sources/Configuration/CommandLine/ControlCommand.swift").read_text()
    body = source[source.index("public enum"):source.index("public var parameters")]
    names = re.findall(r'^\s+case (\w+)(?: = "(\w+)")?$', body, re.MULTILINE)
    assert len(names) > 20
    for case, raw in names:
        assert f"`{raw or case}`" in page, case
