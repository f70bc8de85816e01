"""The log from outside: its levels change while the broker runs, and floods do not fill it."""

import json

import pytest

import vocabulary
from broker import command
from client import Client, Refused
from wire import Wire, connect

OPEN = """\
broker:
  listeners: { tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true } }
  log: { level: %s, levels: %s }
"""


@pytest.fixture
def quiet(serve, tmp_path):
    """A broker that runs with a folder of its own, so that the tool finds it."""
    return serve("--data-dir", tmp_path / "data", config=OPEN % ("info", "{}"), ephemeral=False)


def log(tmp_path, *arguments):
    done = command("log", *arguments, "--config", tmp_path / "plugins.yaml", "--data-dir", tmp_path / "data",
                   cwd=tmp_path)
    return done


def connections(broker, count=1):
    for _ in range(count):
        with Client(broker, "c") as client:
            client.subscribe("t")


def test_parts_have_levels_of_their_own(serve):
    broker = serve(config=OPEN % ("warn", "{ client: debug, session: error }"))
    connections(broker)
    assert broker.log.wait("DEBUG client.subscribed +client=c filter=t qos=0")
    broker.stop()
    text = broker.log.text()
    assert "client.connected" in text and "broker.ready" not in text and "session.ended" not in text


def test_levels_change_while_it_runs(quiet, tmp_path):
    assert log(tmp_path).stdout.split()[:2] == ["level", "info"]
    assert log(tmp_path, "level", "client", "debug").returncode == 0
    assert quiet.log.wait(r"INFO +log.levels +level=info levels=\"\{client: debug\}\"")
    connections(quiet)
    quiet.log.wait("client.subscribed")
    assert log(tmp_path, "level", "client", "default").returncode == 0
    assert log(tmp_path, "level", "error").returncode == 0
    before = len(quiet.log.lines)
    connections(quiet)
    assert "level" in log(tmp_path).stdout and "error" in log(tmp_path).stdout
    assert len(quiet.log.lines) == before
    # What the file says is in force again.
    assert command("reload", "--config", tmp_path / "plugins.yaml", "--data-dir", tmp_path / "data").returncode == 0
    connections(quiet)
    assert quiet.log.wait("client.connected", start=before)


@pytest.mark.parametrize("arguments, words", [
    (["level", "nonsense"], "error, warn, info, debug"), (["level", "nobody", "debug"], "no part of the log"),
    (["level", "client", "loud"], "error, warn, info, debug")])
def test_a_wrong_level_is_a_usage_error(quiet, tmp_path, arguments, words):
    done = log(tmp_path, *arguments)
    assert done.returncode == 2 and words in done.stderr


@pytest.mark.parametrize("levels, words", [
    ("{ clients: debug }", "clients"), ("{ client: loud }", "loud"), ("debug", "client: debug")])
def test_a_wrong_file_is_told_with_its_place(tmp_path, levels, words):
    (tmp_path / "plugins.yaml").write_text(OPEN % ("info", levels))
    done = command("check", tmp_path / "plugins.yaml")
    assert done.returncode == 78 and "plugins.yaml:3:" in done.stderr and words in done.stderr


def test_a_flood_of_one_client_is_one_line_with_a_count(serve):
    """Two hundred refusals of one address are told twice: at once, and with their number when the broker ends."""
    broker = serve("--log-format", "json", config=OPEN % ("info", "{}")
                   + "  limits: { connect_rate_per_ip: unlimited }\n")
    for _ in range(200):
        with Wire(broker, connect("x", version=9)) as wire:
            wire.expect_end()
    broker.stop()
    lines = [json.loads(line) for line in broker.log.lines if "client.refused" in line]
    told = sum(line.get("repeats", 1) for line in lines)
    # A line with a count repeats one that was written without.
    assert len(lines) < 20 and told == 200, lines


def test_the_page_is_read_as_it_is_meant():
    """The check that holds every line of every test against docs/logging.md finds what is not there."""
    assert len(vocabulary.TABLE) > 50
    good = '10:02:14.020 INFO  client.connected      client="a b" user=u addr=1:2 listener=tcp keepalive=60'
    assert vocabulary.problem(good) is None
    dropped = "10:02:14.020 WARN  message.dropped       client=c topic=t reason=x repeats=2/10s"
    assert vocabulary.problem(dropped) is None
    assert vocabulary.problem("10:02:14.020 INFO  geo.found             plugin=geo what=ever") is None
    for bad in ("10:02:14.020 INFO  client.connekted      client=c",
                "10:02:14.020 WARN  client.connected      client=c",
                "10:02:14.020 INFO  client.connected      password=c",
                '{"time":"x","level":"info","event":"client.connected","user":"u","client":"c"}'):
        assert vocabulary.problem(bad), bad
