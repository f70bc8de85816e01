"""Plugins that misbehave in every way, and a broker that goes on for everybody else."""

import contextlib
import json
import pathlib
import shutil
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

    def start(act, abort="0s", unload="never", **options):
        entry = f"{{ id: bad, path: bad.so, unload: {unload}, config: {{ act: {act} }} }}"
        config = HEAD % abort + f"plugins:\n  - {entry}\n"
        return serve(config=config, plugins=True, ephemeral=False, **options)

    return start


@pytest.fixture
def throwing(serve, tmp_path):
    """As `bad`, for the plugin in C++ that throws."""
    if not shutil.which("g++"):
        pytest.skip("no g++")
    subprocess.run(
        ["g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", f"-I{ROOT}/Sources/PluginABI/include",
         "-o", tmp_path / "bad.so", BAD / "throws.cpp"], check=True, timeout=DEADLINE)

    def start(act):
        config = HEAD % "0s" + f"plugins:\n  - {{ id: bad, path: bad.so, config: {{ act: {act} }} }}\n"
        return serve(config=config, plugins=True, ephemeral=False)

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


def test_an_exception_is_stopped_by_the_guard_and_is_an_error(throwing, tmp_path):
    broker = throwing("guarded")
    with Client(broker) as client:
        client.publish("bad/x", b"1", qos=1)
        client.publish("bad/x", b"123", qos=1)
        round_trip(client)
    broker.log.wait(r"exception\.caught .*no route to the database")
    broker.log.wait(r"exception\.caught .*something that is no std::exception")
    assert status(tmp_path)["failures"] == 2


def test_an_exception_that_leaves_a_plugin_ends_the_process_with_its_blame(throwing):
    broker = throwing("raw")
    with contextlib.suppress(ConnectionError, Refused, AssertionError, TimeoutError):
        with Client(broker) as client:
            client.publish("bad/x", b"1", qos=1)
    assert broker.wait() == -signal.SIGABRT
    throwing("raw").log.wait(r"plugin\.crashed .*plugin=bad.*SIGABRT in hook msg\.in")


def test_threads_left_behind_are_reported_when_it_is_stopped(bad, tmp_path):
    broker = bad("threads")
    assert status(tmp_path)["accounts"]["threads"] == 1
    config = tmp_path / "plugins.yaml"
    config.write_text(config.read_text().replace("id: bad,", "id: bad, enabled: false,"))
    assert command("reload", cwd=tmp_path).returncode == 0
    broker.log.wait(r"plugin\.leak .*1 threads")


def test_a_thread_that_a_hook_has_started_is_counted_and_reported_and_keeps_its_code(bad, tmp_path):
    broker = bad("threads-in-hook", unload="allow")
    with Client(broker, client_id="trigger") as client:
        client.publish("bad/x", b"1", qos=1)
        client.publish("bad/x", b"1", qos=1)
    assert status(tmp_path)["accounts"]["threads"] == 2
    assert command("plugins", "reload", "bad", cwd=tmp_path).returncode == 0
    broker.log.wait(r"plugin\.leak .*2 threads")
    assert status(tmp_path)["accounts"]["threads"] == 0, "those of the new generation"
    for turn in range(2):
        maps = pathlib.Path(f"/proc/{broker.process.pid}/maps").read_text()
        assert "/bad-1.so" in maps and ("/bad-2.so" in maps) == (turn == 0), "what left no thread is unmapped"
        assert command("plugins", "reload", "bad", cwd=tmp_path).returncode == 0


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


@pytest.mark.parametrize("act", ["error", "garbage", "late"])
def test_a_hook_that_does_nothing_but_fail_is_left_out_for_a_while(bad, act):
    broker = bad(act)
    with Client(broker) as client:
        for _ in range(5):
            client.publish("bad/x", b"1", qos=1)
        broker.log.wait(r"plugin\.breaker_open .*hook=msg\.in .*failures=5")
        round_trip(client)
