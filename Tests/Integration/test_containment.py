"""Plugins that misbehave in every way, and a broker that goes on for everybody else."""

import json
import signal
import subprocess
import threading

import pytest

from broker import DEADLINE, ROOT, command
from client import Client, Refused

BAD = ROOT / "Tests" / "Fixtures" / "bad-plugins"
HEAD = """broker:
  data_dir: data
  threads: 2
  reload: { auto: false, preflight: none }
  containment: { hang_report: 50ms, hang_stuck: 100ms, hang_abort: %s, crashes: 2, breaker_pause: 200ms }
  listeners: { tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true } }
"""


def build(folder, name, *flags):
    target = folder / f"{name}.so"
    subprocess.run(
        ["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", *flags,
         f"-I{ROOT}/Sources/PluginABI/include", "-o", target, BAD / f"{name}.c"], check=True, timeout=DEADLINE)
    return target


@pytest.fixture
def bad(serve, tmp_path):
    """Starts a broker with the plugin `bad`, which does what its setting says when the client `trigger` publishes."""
    build(tmp_path, "bad")

    def start(act, abort="0s", **options):
        config = HEAD % abort + f"plugins:\n  - {{ id: bad, path: bad.so, config: {{ act: {act} }} }}\n"
        return serve(config=config, plugins=True, ephemeral=False, **options)

    return start


def status(folder, name="bad"):
    listed = command("plugins", "list", "--json", cwd=folder)
    assert listed.returncode == 0, listed.stderr
    return next(plugin for plugin in json.loads(listed.stdout)["plugins"] if plugin["id"] == name)


def round_trip(client, text=b"x"):
    client.subscribe("ok")
    client.publish("ok", text)
    assert client.receive().payload == text


@pytest.mark.parametrize("act", ["garbage", "error", "twice", "late", "keeps", "threads", "leaks"])
def test_other_clients_are_unharmed(bad, tmp_path, act):
    broker = bad(act)
    with Client(broker) as other:
        try:
            with Client(broker, client_id="trigger") as client:
                client.publish("bad/x", b"1", qos=1)
        except (Refused, ConnectionError, AssertionError, TimeoutError):
            pass  # whatever the plugin does to its own client is its own affair
        round_trip(other)
    assert status(tmp_path)["generation"] == 1
    assert broker.process.poll() is None


def test_threads_left_behind_are_reported_when_it_is_stopped(bad, tmp_path):
    broker = bad("threads")
    assert status(tmp_path)["accounts"]["threads"] == 1
    config = tmp_path / "plugins.yaml"
    config.write_text(config.read_text().replace("id: bad,", "id: bad, enabled: false,"))
    assert command("reload", cwd=tmp_path).returncode == 0
    broker.log.wait(r"plugin\.leak .*1 threads")


def test_too_many_timers_are_refused_and_told_once(bad):
    broker = bad("timers")
    broker.log.wait(r"plugin\.limit .*timers")


def test_a_hang_is_logged_with_its_stack_and_others_do_not_wait_for_the_plugin(bad):
    broker = bad("hangs")
    hanging = Client(broker, client_id="trigger").__enter__()
    hanging.publish("bad/x", b"1")
    broker.log.wait(r"plugin\.hang .*in=.hook msg\.in.*bad-1\.so")
    broker.log.wait(r"plugin\.hang_stuck ")
    broker.log.wait(r"plugin\.hang_over ")
    # The plugin is asked again as soon as the loops have taken the table with it in, a moment later.
    other = None
    while other is None:
        try:
            other = Client(broker).__enter__()
        except Refused:
            continue
    round_trip(other)
    other.close()


def test_a_loop_that_is_lost_ends_the_process_and_the_next_one_knows_why(bad, serve, tmp_path):
    broker = bad("hangs-for-ever", abort="300ms")
    client = Client(broker, client_id="trigger").__enter__()
    client.publish("bad/x", b"1")
    assert broker.wait() == -signal.SIGABRT
    again = bad("hangs-for-ever", abort="300ms")
    again.log.wait(r"plugin\.crashed .*plugin=bad.*did not come back in hook msg\.in")


def test_a_plugin_that_crashes_the_broker_again_and_again_is_quarantined_and_fails_closed(bad, tmp_path):
    for _ in range(2):
        broker = bad("traps")
        client = Client(broker, client_id="trigger").__enter__()
        client.publish("bad/x", b"1")
        assert broker.wait() in (-signal.SIGSEGV, -signal.SIGILL, -signal.SIGTRAP)
    broker = bad("traps")
    broker.log.wait(r"plugin\.crashed .*SIG\w+ in hook msg\.in")
    broker.log.wait(r"plugin\.quarantined .*everything it would decide is refused")
    with pytest.raises(Refused):
        Client(broker).__enter__()
    # Somebody insists.
    done = command("plugins", "reload", "bad", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with Client(broker) as client:
        round_trip(client)


def test_top_and_effective_show_what_is_asked_and_what_it_costs(bad, tmp_path):
    broker = bad("nothing")
    effective = command("plugins", "list", "--effective", cwd=tmp_path)
    assert effective.returncode == 0
    assert [line.split() for line in effective.stdout.splitlines() if line.startswith("msg.in")] == [["msg.in", "bad"]]
    done = threading.Event()

    def publish():
        with Client(broker) as client:
            while not done.is_set():
                round_trip(client)

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        top = command("plugins", "top", "--json", cwd=tmp_path)
    finally:
        done.set()
        thread.join()
    hooks = {row["hook"]: row for row in json.loads(top.stdout)["hooks"]}
    assert hooks["msg.in"]["calls"] > 0 and hooks["msg.in"]["p99_us"] > 0


def test_a_hook_that_does_nothing_but_fail_is_left_out_for_a_while(bad, tmp_path):
    broker = bad("error")
    with Client(broker) as client:
        while not any("plugin.breaker_open" in line for line in list(broker.log.lines)):
            for _ in range(20):
                client.publish("bad/x", b"1", qos=1)
        broker.log.wait(r"plugin\.breaker_open .*hook=msg\.in")
