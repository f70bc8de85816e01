"""Each key of plugins.yaml changes what the broker does: a row for each, and the table fails when a key has none."""

import ctypes
import json
import os
import re
import socket
import subprocess
from pathlib import Path

import pytest

from broker import DEADLINE, ROOT, command
from client import V5, Client, Refused
from control import Control
from wire import connect, subscribe

FIXTURES = ROOT / "Tests" / "Fixtures" / "plugins"
HERE = {}


def key(*paths):
    """Marks the test of these keys."""
    def mark(test):
        for path in paths:
            HERE[path] = test.__name__
        return test
    return mark


#: Keys that other files test: the file, and the test or its name in the words of the suite.
ELSEWHERE = {
    "broker.limits.max_connections": ("Integration/test_admission.py", "test_the_limit_of_connections_holds"),
    "broker.limits.max_packet_size": ("Integration/test_limits.py", "test_a_packet_over_the_maximum_is_0x95"),
    "broker.limits.max_payload_size": ("Integration/test_limits.py", "test_a_payload_over_the_maximum_is_0x95"),
    "broker.limits.connect_rate_per_ip": ("Integration/test_admission.py", "test_who_is_too_fast_waits_in_order"),
    "broker.limits.connect_queue": ("Integration/test_admission.py", "test_the_queue_has_an_end"),
    "broker.limits.connect_queue_timeout": ("Integration/test_admission.py", "test_the_queue_has_an_end"),
    "broker.limits.connect_timeout": ("Integration/test_admission.py", "test_silent_strangers_are_gone"),
    "broker.limits.max_sessions": ("Integration/test_admission.py", "test_a_session_more_than_allowed"),
    "broker.limits.max_message_rate": ("Integration/test_admission.py", "test_a_client_that_publishes_too_fast"),
    "broker.tcp.backlog": ("Integration/test_sockets.py", "test_the_backlog_is_the_one_that_is_set"),
    "broker.tcp.keep_alive": ("Integration/test_sockets.py", "test_the_kernel_probes_silent_clients"),
    "broker.session.max_expiry_interval": ("Integration/test_limits.py", "test_the_session_expiry_is_capped"),
    "broker.session.duplicate_client_id": ("Integration/test_sessions.py", "test_the_refuse_policy_turns"),
    "broker.mqtt.max_qos": ("Integration/test_limits.py", "test_a_lower_maximum_qos_is_told_and_kept"),
    "broker.mqtt.retain_available": ("Integration/test_limits.py", "test_retain_can_be_switched_off"),
    "broker.mqtt.receive_maximum": ("Integration/test_limits.py", "test_more_unacknowledged_messages_than"),
    "broker.mqtt.server_keep_alive": ("Integration/test_limits.py", "test_the_server_may_set_the_keep_alive"),
    "broker.mqtt.strictness": ("Integration/test_hostile.py", "test_a_lenient_listener_forgives"),
    "broker.log.levels": ("Integration/test_log.py", "test_parts_have_levels_of_their_own"),
    "broker.shutdown.drain": ("Integration/test_lifecycle.py", "drain"),
    "broker.data_dir": ("Integration/test_durability.py", "test_sessions_queues_and_retained_messages_survive"),
    "broker.require_pins": ("HostTests/Plugins/ReloadTests.swift", "a pin can be demanded"),
    "broker.reload.auto": ("Integration/test_reload.py", "test_a_saved_plugins_yaml_is_in_force"),
    "broker.reload.debounce": ("Integration/test_reload.py", "debounce"),
    "broker.reload.probation": ("HostTests/Plugins/ReloadTests.swift", "that fails is taken back"),
    "broker.reload.preflight": ("Integration/test_containment.py", "preflight: none"),
    "broker.reload.preflight_timeout": ("Integration/test_reload.py", "preflight_timeout"),
    "broker.containment.hang_report": ("Integration/test_containment.py", "test_a_hang_is_logged_with_its_stack"),
    "broker.containment.hang_stuck": ("Integration/test_containment.py", "test_a_hang_is_logged_with_its_stack"),
    "broker.containment.hang_abort": ("Integration/test_containment.py", "test_a_loop_that_is_lost_ends_the_process"),
    "broker.containment.crashes": ("Integration/test_containment.py", "test_a_plugin_that_crashes_the_broker_again"),
    "broker.containment.crash_window": ("HostTests/Plugins/ContainmentTests.swift", "within the window are counted"),
    "broker.containment.breaker_failures": ("Integration/test_containment.py", "test_a_hook_that_does_nothing_but"),
    "broker.containment.breaker_pause": ("Integration/test_containment.py", "test_a_hook_that_does_nothing_but"),
    "listener.url": ("Integration/test_tls.py", "test_paho_speaks_over_every_transport"),
    "listener.allow_anonymous": ("Integration/test_auth.py", "test_anonymous_beside_auth_still_refuses"),
    "listener.mount_point": ("Integration/test_mount_points.py", "test_tenants_see_their_own_topics"),
    "listener.strictness": ("Integration/test_hostile.py", "test_a_lenient_listener_forgives"),
    "listener.cert": ("Integration/test_tls.py", "test_certificates_change_under_load"),
    "listener.key": ("Integration/test_tls.py", "test_the_check_names_a_key_that_others_may_read"),
    "listener.certificates": ("ReactorTests/TLS/TLSTests.swift", "is the one for the name the client asks for"),
    "listener.ca": ("Integration/test_tls.py", "test_ports_file_and_first_lines_name_the_authority"),
    "listener.client_ca": ("Integration/test_tls.py", "test_a_certificate_of_another_authority_is_refused"),
    "listener.client_crl": ("Integration/test_tls.py", "test_a_revoked_certificate_is_refused"),
    "listener.client_auth": ("Integration/test_tls.py", "test_without_a_certificate_the_handshake_fails"),
    "listener.identity": ("Integration/test_tls.py", "test_the_first_alternative_name_may_be_the_user_name"),
    "listener.min_version": ("Integration/test_tls.py", "test_what_is_spoken_can_be_chosen"),
    "listener.ciphers": ("Integration/test_tls.py", "test_what_is_spoken_can_be_chosen"),
    "listener.cipher_suites": ("Integration/test_tls.py", "test_what_is_spoken_can_be_chosen"),
    "listener.groups": ("Integration/test_tls.py", "test_what_is_spoken_can_be_chosen"),
    "listener.origins": ("Integration/test_websocket.py", "test_the_handshake_is_refused_with_a_status"),
    "listener.proxy_protocol": ("Integration/test_proxy.py", "test_the_address_is_the_one_the_proxy_names"),
    "plugin.id": ("Integration/test_plugin_changes.py", "test_a_refused_edit_changes_nothing"),
    "plugin.path": ("Integration/test_plugin_changes.py", "test_a_refused_edit_changes_nothing"),
    "plugin.config": ("Integration/test_plugin_changes.py", "test_a_refused_edit_changes_nothing"),
    "plugin.grants": ("HostTests/Plugins", "grants"),
    "plugin.hooks": ("HostTests/Plugins/PluginPolicyTests.swift", "A deadline of plugins.yaml takes the place"),
    "plugin.sha256": ("HostTests/Plugins/ReloadTests.swift", "that is not what the entry pins is refused"),
    "plugin.unload": ("HostTests/Plugins/ReloadTests.swift", "leaves the memory where that is allowed"),
    "plugin.reload": ("Integration/test_reload.py", "test_an_authors_loop_is_edit_compile_see"),
}


def broker_with(serve, settings, *arguments, **options):
    """`settings`: what stands under `broker:`, in flow style."""
    config = ("broker: { %s%slisteners: { tcp: { url: \"mqtt://127.0.0.1:0\", allow_anonymous: true } } }\n"
              % (settings, ", " if settings else ""))
    return serve("--no-plugins", *arguments, config=config, **options)


def all_keys():
    schema = json.loads(command("config", "schema").stdout)

    def walk(node, path):
        for name, inner in node.get("properties", {}).items():
            place = f"{path}.{name}"
            if place == "broker.listeners":
                entry, = inner["patternProperties"].values()
                yield from (f"listener.{name}" for name in entry["properties"])
            elif "properties" in inner:
                yield from walk(inner, place)
            else:
                yield place

    yield from walk(schema["properties"]["broker"], "broker")
    entry = schema["properties"]["plugins"]["items"]["anyOf"][1]
    yield from (f"plugin.{name}" for name in entry["properties"])


def test_every_key_has_a_test():
    known = set(all_keys())
    assert len(known) > 70
    without = sorted(known - set(HERE) - set(ELSEWHERE))
    assert not without, f"keys that no test changes: {without}"
    assert not sorted((set(HERE) | set(ELSEWHERE)) - known), "tests of keys that are gone"


@pytest.mark.parametrize("path", sorted(ELSEWHERE))
def test_the_tests_of_other_files_are_there(path):
    place, words = ELSEWHERE[path]
    place = ROOT / "Tests" / place
    files = sorted(place.rglob("*.swift")) if place.is_dir() else [place]
    assert any(words in file.read_text() for file in files), f"{path}: nothing like '{words}' in {place}"


@key("broker.threads")
def test_threads(serve, tmp_path):
    broker_with(serve, "data_dir: data, threads: 3", ephemeral=False)
    with Control(tmp_path) as control:
        assert control.do("status")["loops"] == 3


@key("broker.plugin_dirs", "plugin.plugin", "plugin.enabled")
def test_plugin_dirs_plugin_and_enabled(serve, tmp_path):
    folder = tmp_path / "shelf"
    folder.mkdir()
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-DVERDICT=HL_DENY", f"-I{ROOT}/Sources/PluginABI/include", "-o",
         folder / "libbouncer.so", FIXTURES / "verdict.c"], check=True, timeout=DEADLINE)
    config = """
broker:
  plugin_dirs: [shelf]
  listeners: { tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true } }
plugins: [ { id: door, plugin: bouncer, enabled: %s } ]
"""
    with pytest.raises(Refused):
        Client(serve(config=config % "true", plugins=True)).connect()
    with Client(serve(config=config % "false", plugins=True)):
        pass


@key("plugin.optional")
def test_optional(serve, tmp_path):
    config = """
broker: { listeners: { tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true } } }
plugins: [ { id: later, path: later.so, optional: %s } ]
"""
    broker = serve(config=config % "true", plugins=True)
    broker.log.wait(r"plugin\.awaited")
    assert command("check", tmp_path / "plugins.yaml").returncode == 0
    broker.stop()
    (tmp_path / "plugins.yaml").write_text(config % "false")
    assert command("check", tmp_path / "plugins.yaml").returncode == 78


@key("broker.limits.max_memory")
def test_max_memory(serve):
    broker = broker_with(serve, "limits: { max_memory: 1MiB }")
    broker.log.wait(r"memory\.short")
    with socket.create_connection((broker.host, broker.port), DEADLINE) as stranger:
        try:
            stranger.sendall(connect("c"))
            assert stranger.recv(1) == b""
        except OSError:
            pass  # a reset says the same


@key("broker.limits.max_connect_size")
def test_max_connect_size(serve):
    broker = broker_with(serve, "limits: { max_connect_size: 300 }")
    with Client(broker, "x" * 100):
        pass
    with pytest.raises(Refused) as refusal:
        Client(broker, "x" * 400).connect()
    assert refusal.value.code == 0x95


@key("broker.limits.max_subscriptions")
def test_max_subscriptions(serve):
    with Client(broker_with(serve, "limits: { max_subscriptions: 2 }")) as client:
        assert [client.subscribe(topic) for topic in ("a", "b", "c")] == [0, 0, 0x97]


@key("broker.limits.max_topic_levels", "broker.limits.max_topic_length")
def test_topic_limits(serve):
    with Client(broker_with(serve, "limits: { max_topic_levels: 3, max_topic_length: 20 }")) as client:
        assert client.subscribe("a/b/c") == 0
        assert client.subscribe("a/b/c/d") >= 0x80
        assert client.subscribe("x" * 20) == 0
        assert client.subscribe("x" * 21) >= 0x80


@key("broker.limits.max_byte_rate", "broker.limits.on_rate_exceeded", "broker.limits.rate_burst")
@pytest.mark.parametrize("policy, code", [("drop", 0x97), ("disconnect", 0x96)])
def test_byte_rate(serve, policy, code):
    limits = f"limits: {{ max_byte_rate: 1000/h, rate_burst: 0s, on_rate_exceeded: {policy} }}"
    client = Client(broker_with(serve, limits)).connect()
    codes = []
    try:
        while not codes or codes[-1] == 0x10 or codes[-1] == 0:
            assert len(codes) < 100
            codes.append(client.publish("t", b"x" * 500, qos=1))
    except ConnectionError:
        codes.append(client.wait_closed())
    assert codes[-1] == code
    client.close()


@key("broker.limits.max_retained_messages", "broker.limits.max_retained_bytes")
@pytest.mark.parametrize("limit, kept", [
    ("max_retained_messages: 2", 2), ("max_retained_bytes: 250", 2), ("max_retained_messages: 100", 5)])
def test_retained_limits(serve, tmp_path, limit, kept):
    broker = broker_with(serve, f"data_dir: data, limits: {{ {limit} }}", ephemeral=False)
    with Client(broker) as client:
        for number in range(5):
            client.publish(f"r/{number}", b"x" * 100, qos=1, retain=True)
    with Control(tmp_path) as control:
        assert control.do("retained")["total"] == kept


@key("broker.limits.max_output_bytes")
@pytest.mark.parametrize("limit, drops", [("64KiB", True), ("1GiB", False)])
def test_max_output_bytes(serve, tmp_path, limit, drops):
    broker = broker_with(serve, f"data_dir: data, limits: {{ max_output_bytes: {limit} }}", ephemeral=False)
    with socket.socket() as deaf, Client(broker) as client:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect((broker.host, broker.port))
        deaf.sendall(connect("deaf") + subscribe("t"))
        seen = b""
        while b"\x90\x04" not in seen:
            seen += deaf.recv(64)
        client.subscribe("own")
        for _ in range(250):
            client.send("t", b"x" * 100_000)
        client.publish("own", b"all sent", qos=1)
        client.receive()
        with Control(tmp_path) as control:
            assert (sum(control.do("status")["messages_dropped"].values()) > 0) == drops


@key("broker.tcp.user_timeout", "broker.tcp.no_delay")
@pytest.mark.parametrize("no_delay", [True, False])
def test_options_of_sockets(serve, no_delay):
    broker = broker_with(serve, f"tcp: {{ user_timeout: 77s, no_delay: {str(no_delay).lower()} }}")
    with Client(broker) as client:
        port = client.paho.socket().getsockname()[1]
        assert option_of(broker.pid, port, socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 77_000
        assert bool(option_of(broker.pid, port, socket.IPPROTO_TCP, socket.TCP_NODELAY)) == no_delay


def is_peer(connection, port):
    try:
        return connection.getpeername()[1] == port
    except (OSError, IndexError):
        return False


def option_of(pid, peer_port, level, option):
    """A socket option of the broker's end of a connection: the kernel lends us its descriptor."""
    process = os.pidfd_open(pid)
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            copy = libc.syscall(438, process, int(name), 0)
            if copy < 0:
                continue
            try:
                ours = socket.socket(fileno=copy)
            except OSError:
                os.close(copy)
                continue
            with ours:
                if is_peer(ours, peer_port):
                    return ours.getsockopt(level, option)
    finally:
        os.close(process)
    raise AssertionError("the broker has no such connection, or it may not be looked at")


@key("broker.session.max_inflight")
def test_max_inflight(serve, tmp_path):
    broker = broker_with(serve, "data_dir: data, session: { max_inflight: 2 }", ephemeral=False, threads=1)
    with Client(broker, "slow") as slow, Client(broker) as other, Control(tmp_path) as control:
        slow.paho.manual_ack_set(True)
        slow.subscribe("t", 1)
        for number in range(5):
            other.publish("t", b"%d" % number, qos=1)
        item = control.do("client", client_id="slow")
        assert (item["inflight"], item["queued"]) == (2, 3)


@key("broker.session.max_queued_messages", "broker.session.max_queued_bytes", "broker.session.on_queue_full")
@pytest.mark.parametrize("limit, policy, code", [
    ("max_queued_messages: 2", "refuse", 0x97), ("max_queued_bytes: 250", "refuse", 0x97),
    ("max_queued_messages: 2", "dead_letter", 0)])
def test_queue_limits(serve, limit, policy, code):
    # On one loop: a publisher is told of the queues of its own loop.
    broker = broker_with(serve, f"session: {{ {limit}, on_queue_full: {policy} }}", threads=1)
    with Client(broker, "away", clean=False, expiry=600) as away:
        away.subscribe("t", 1)
    broker.log.wait("client.disconnected .*client=away")
    with Client(broker) as client:
        codes = [client.publish("t", b"x" * 100, qos=1) for _ in range(3)]
    assert codes == [0, 0, code]


@key("broker.mqtt.max_keep_alive", "broker.mqtt.max_topic_alias")
def test_what_connack_tells(serve):
    broker = broker_with(serve, "mqtt: { max_keep_alive: 10s, max_topic_alias: 7 }")
    with Client(broker, keep_alive=60, version=V5) as client:
        assert client.granted.ServerKeepAlive == 10
        assert client.granted.TopicAliasMaximum == 7


@key("broker.log.format", "broker.log.level")
def test_log(serve):
    broker = broker_with(serve, "log: { format: json, level: debug }")
    with Client(broker) as client:
        client.subscribe("t")
    broker.stop()
    events = [json.loads(line) for line in broker.log.lines]
    assert {"debug", "info"} <= {event["level"] for event in events}
    quiet = broker_with(serve, "log: { level: error }")
    with Client(quiet):
        pass
    quiet.stop()
    assert quiet.log.lines == []


COUNTER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
static void note(void) {
    int file = open(getenv("FLUSHES"), O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (file >= 0) { (void)!write(file, ".", 1); close(file); }
}
int fsync(int f) { note(); return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(f); }
int fdatasync(int f) { note(); return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(f); }
"""


@key("broker.store.sync", "broker.store.sync_interval")
@pytest.mark.parametrize("setting, flushes", [
    ("sync: always", True), ("sync: never", False), ("sync: interval, sync_interval: 10ms", True),
    ("sync: interval, sync_interval: 1h", False)])
def test_store_sync(serve, tmp_path, setting, flushes):
    (tmp_path / "count.c").write_text(COUNTER)
    library = tmp_path / "count.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, tmp_path / "count.c", "-ldl"], check=True)
    counted = tmp_path / "flushes"
    config = ("broker: { data_dir: data, store: { %s }, listeners: { tcp: { url: \"mqtt://127.0.0.1:0\", "
              "allow_anonymous: true } } }\nplugins: [ store-sqlite ]\n" % setting)
    broker = serve(config=config, plugins=True, ephemeral=False,
                   env={"LD_PRELOAD": str(library), "FLUSHES": str(counted)})
    with Client(broker, "c", clean=False, expiry=600) as client:
        client.subscribe("t", 1)
        before = counted.stat().st_size if counted.exists() else 0
        for _ in range(20):
            client.publish("kept", b"x", qos=1, retain=True)
        if "10ms" in setting:
            # It comes within its interval: other traffic goes on until it has.
            while counted.stat().st_size == before:
                client.publish("kept", b"y", qos=1, retain=True)
        after = counted.stat().st_size if counted.exists() else 0
    assert (after > before) == flushes


def test_the_options_of_other_rows_are_real():
    """The words of a row would be found in a comment as well; names of tests are checked as names."""
    for path, (place, words) in ELSEWHERE.items():
        if words.startswith("test_"):
            text = (ROOT / "Tests" / place).read_text()
            assert re.search(rf"^def {words}", text, re.MULTILINE), path
    assert all(Path(ROOT / "Tests" / place).exists() for place, _ in ELSEWHERE.values())
