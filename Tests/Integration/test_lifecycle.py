"""How the process starts, tells where it is, and ends."""

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from broker import DEADLINE, HOOKLINE, READY, command
from client import V311, Client
from wire import Wire, connect


def test_the_ports_file_says_where_the_broker_is(serve, tmp_path):
    broker = serve()
    ports = broker.ports
    assert ports["schema"] == 1
    assert ports["state"] == "ready"
    assert ports["version"] in command("version").stdout
    Path(f"/proc/{ports['pid']}").stat()
    listener = ports["listeners"]["tcp"]
    assert listener["host"] in ("127.0.0.1", "::1") and 0 < listener["port"] < 65_536
    assert listener["url"] == f"mqtt://{listener['host']}:{listener['port']}"
    assert isinstance(ports["plugins"], dict)
    assert broker.stop() == 0
    assert not broker.ports_file.exists(), "removed at exit"


def test_stdout_has_one_line_for_each_listener_and_the_ready_line(serve):
    broker = serve("--listen", "mqtt://127.0.0.1:0", "--listen", "second=mqtt://127.0.0.1:0")
    lines = list(broker.out.lines)
    assert READY.match(lines[-1])
    urls = {listener["url"] for listener in broker.ports["listeners"].values()}
    assert len(urls) == 2 and "second" in broker.ports["listeners"]
    assert len(lines) == 3 and all(any(url in line for line in lines[:-1]) for url in urls)


def test_the_ports_file_can_go_to_stdout(tmp_path):
    process = subprocess.Popen(
        [HOOKLINE, "serve", "--ephemeral", "--no-plugins", "--exit-with-parent", "--ports-file", "-"], cwd=tmp_path,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        for line in process.stdout:
            if line.startswith("{"):
                assert json.loads(line)["schema"] == 1
                break
            assert not READY.match(line), "the ports come before the ready line"
        else:
            raise AssertionError("no ports on stdout")
    finally:
        process.terminate()
        assert process.wait(DEADLINE) == 0
        process.stdout.close()


def test_a_stale_ports_file_is_removed_before_anything_opens(serve, tmp_path):
    stale = tmp_path / "ports.json"
    stale.write_text('{"schema":1,"state":"ready","listeners":{}}')
    (tmp_path / "plugins.yaml").write_text("broker: { nonsense: 1 }\n")
    broker = serve(ready=False, config="broker: { nonsense: 1 }\n")
    assert broker.wait() == 78
    assert not stale.exists()


def test_ephemeral_without_plugins_writes_nothing_but_the_ports_file(serve, tmp_path):
    broker = serve()
    with Client(broker, "keeps", clean=False, expiry=600) as client:
        client.subscribe("a", 1)
        client.publish("a", b"retained", 1, retain=True)
        assert [path.name for path in tmp_path.iterdir()] == ["ports.json"]
    broker.stop()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.timing
def test_it_is_ready_at_once(serve, record_property):
    broker = serve()
    record_property("ready in", f"{broker.ready_milliseconds} ms")
    assert broker.ready_milliseconds < 1_000, "100 ms on an idle machine; this only catches a regression of kind"


def test_twenty_brokers_live_side_by_side(serve, tmp_path):
    brokers = []
    for number in range(20):
        folder = tmp_path / str(number)
        folder.mkdir()
        brokers.append(serve(folder=folder))
    assert len({broker.port for broker in brokers}) == 20
    for broker in brokers:
        with Client(broker, "same-name"):
            pass


def test_the_pid_file_holds_the_process_id(serve, tmp_path):
    broker = serve("--pid-file", tmp_path / "pid")
    assert int((tmp_path / "pid").read_text()) == broker.ports["pid"]
    broker.stop()
    assert not (tmp_path / "pid").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_says_good_bye_to_clients_and_exits_0(serve, threads, number):
    broker = serve(threads=threads)
    new, old = Client(broker).connect(), Client(broker, version=V311).connect()
    broker.signal(number)
    assert new.wait_closed() == 0x8B, "server shutting down"
    old.wait_closed()
    assert broker.wait() == 0
    new.close()
    old.close()


def test_what_was_acknowledged_before_sigterm_is_delivered(serve, threads):
    broker = serve(threads=threads)
    with Client(broker) as receiver, Client(broker) as sender:
        receiver.subscribe("last", 1)
        mids = [sender.send("last", b"%d" % number, 1) for number in range(200)]
        for mid in mids:
            sender.wait_published(mid)
        broker.signal(signal.SIGTERM)
        assert [int(p) for p in receiver.receive_payloads(200)] == list(range(200))
        receiver.wait_closed()
    assert broker.wait() == 0


def test_a_second_sigterm_stops_at_once(serve):
    broker = serve("--set", "broker.shutdown.drain=60s")
    # A client with an open QoS 1 delivery that never acknowledges is something to drain.
    with Wire(broker, connect("lazy")) as lazy:
        lazy.expect(2)
        broker.signal(signal.SIGTERM)
        broker.log.wait(r"(?i)drain|stopping|shutting|SIGTERM")
        if broker.process.poll() is None:
            broker.signal(signal.SIGTERM)
        assert broker.wait() in (0, 128 + signal.SIGTERM, -signal.SIGTERM)


def test_it_ends_with_its_parent(tmp_path):
    script = (
        "import subprocess, sys\n"
        "p = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)\n"
        "while 'ready in' not in p.stdout.readline(): pass\n"
        "print(p.pid, flush=True)\n"
        "sys.stdin.read()\n")
    arguments = [HOOKLINE, "serve", "--ephemeral", "--no-plugins", "--exit-with-parent", "--ports-file",
                 tmp_path / "ports.json"]
    parent = subprocess.Popen(
        [sys.executable, "-c", script, *arguments], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True)
    broker = os.pidfd_open(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    readable, _, _ = select.select([broker], [], [], DEADLINE)
    assert readable, "the broker outlived its parent"
    os.close(broker)
    parent.stdin.close()
    parent.stdout.close()


def test_sighup_reads_the_configuration_again(serve):
    listeners = 'listeners: { tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true } }'
    broker = serve(config=f"broker: {{ {listeners}, log: {{ level: info }} }}\n")
    with Client(broker) as client:
        client.subscribe("still", 1)
        (broker.folder / "plugins.yaml").write_text("broker: { wrong: true }\n")
        broker.signal(signal.SIGHUP)
        broker.log.wait(r"plugins\.yaml:1:\d+")
        client.publish("still", b"here", 1)
        assert client.receive().payload == b"here", "a broken file changes nothing"
        (broker.folder / "plugins.yaml").write_text(f"broker: {{ {listeners}, log: {{ level: debug }} }}\n")
        before = len(broker.log.lines)
        broker.signal(signal.SIGHUP)
        broker.log.wait(r"reload", start=before)
        client.publish("still", b"there", 1)
        assert client.receive().payload == b"there"


def test_the_first_log_line_names_the_configuration(serve, tmp_path):
    broker = serve(config='broker: { listeners: { tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true } } }\n')
    assert "plugins.yaml" in broker.log.wait("^.*$")[0]
    folder = tmp_path / "empty"
    folder.mkdir()
    other = serve(folder=folder, plugins=True)
    assert "default" in other.log.wait("^.*$")[0]


def test_a_port_in_use_is_an_error_that_says_what_to_do(serve, tmp_path):
    first = serve()
    folder = tmp_path / "second"
    folder.mkdir()
    second = serve("--listen", f"mqtt://127.0.0.1:{first.port}", "--data-dir", folder / "data", folder=folder,
                   ephemeral=False, ready=False)
    assert second.wait() == 1
    assert f"127.0.0.1:{first.port} is in use by another program" in second.log.text()


def test_connections_survive_two_thousand_others(serve, threads):
    """Descriptors and table entries are given back."""
    broker = serve(threads=threads)
    with Client(broker) as keeper:
        keeper.subscribe("k", 1)
        for number in range(2_000):
            with Wire(broker, connect(f"c{number}")) as client:
                client.expect(2)
        keeper.publish("k", b"still", 1)
        assert keeper.receive().payload == b"still"
        assert len(os.listdir(f"/proc/{broker.ports['pid']}/fd")) < 100
