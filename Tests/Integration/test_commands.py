"""The tool's other commands, as a person or a script uses them."""

import json
import os
import re

import pytest

from broker import command
from client import Client

OPEN = 'broker: { listeners: { tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true } } }\n'


def write(folder, text, name="plugins.yaml"):
    path = folder / name
    path.write_text(text)
    return path


def test_version():
    done = command("version")
    assert done.returncode == 0
    assert re.search(r"\b\d+\.\d+\.\d+", done.stdout)


def test_help_names_every_command():
    done = command("--help")
    assert done.returncode == 0
    for name in ("serve", "check", "config", "status", "reload", "stop", "version", "passwd"):
        assert re.search(rf"^\s+{name}\b", done.stdout, re.MULTILINE), name


@pytest.mark.parametrize("arguments", [
    ["nonsense"], ["serve", "--no-such-option"], ["check", "a", "b", "c"], ["passwd"]])
def test_a_usage_error_is_2(arguments, tmp_path):
    done = command(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr and not done.stdout


def test_check_accepts_a_good_file(tmp_path):
    done = command("check", write(tmp_path, OPEN))
    assert (done.returncode, done.stderr) == (0, "")


def test_check_and_serve_give_78_for_a_bad_file(tmp_path):
    path = write(tmp_path, "broker:\n  session: { max_inflight_messages: 20 }\n  nonsense: 1\n")
    checked = command("check", path)
    served = command("serve", "--config", path, "--ephemeral")
    assert checked.returncode == served.returncode == 78
    for text in (checked.stderr, served.stderr):
        assert "plugins.yaml:2:14: unknown key 'max_inflight_messages'" in text
        assert "'max_inflight'" in text
        assert "plugins.yaml:3:3:" in text, "all errors in one go"


def test_config_default_is_a_file_check_accepts(tmp_path):
    done = command("config", "default")
    assert done.returncode == 0
    assert "max_inflight" in done.stdout
    checked = command("check", write(tmp_path, done.stdout))
    assert checked.returncode == 0, checked.stderr


def test_config_show_names_where_each_value_comes_from(tmp_path):
    path = write(tmp_path, "broker:\n  session: { max_inflight: 20 }\n")
    environment = {**os.environ, "HOOKLINE_BROKER__LIMITS__MAX_CONNECTIONS": "77"}
    done = command("config", "show", "--config", path, env=environment)
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if "max_inflight" in line)
    assert "20" in line and "plugins.yaml" in line
    line = next(line for line in done.stdout.splitlines() if "max_connections" in line)
    assert "77" in line and "HOOKLINE_BROKER__LIMITS__MAX_CONNECTIONS" in line


def test_an_unknown_setting_in_the_environment_is_an_error(tmp_path):
    environment = {**os.environ, "HOOKLINE_BROKER__LIMITS__MAX_PAYLOD_SIZE": "1KiB"}
    done = command("check", write(tmp_path, OPEN), env=environment)
    assert done.returncode == 78
    assert "HOOKLINE_BROKER__LIMITS__MAX_PAYLOD_SIZE: no such setting" in done.stderr
    assert "HOOKLINE_BROKER__LIMITS__MAX_PAYLOAD_SIZE" in done.stderr


def test_environment_names_of_others_are_left_alone(tmp_path):
    environment = {**os.environ, "HOOKLINE_PORT": "tcp://10.0.0.1:1883"}
    assert command("check", write(tmp_path, OPEN), env=environment).returncode == 0


def test_the_order_of_precedence(serve, tmp_path):
    """--set beats the environment, the environment beats the file."""
    config = OPEN.replace("broker: {", "broker: { session: { max_expiry_interval: 1h },")
    for expected, options, env in [
            (3600, [], {}),
            (7200, [], {"HOOKLINE_BROKER__SESSION__MAX_EXPIRY_INTERVAL": "2h"}),
            (10_800, ["--set", "broker.session.max_expiry_interval=3h"],
             {"HOOKLINE_BROKER__SESSION__MAX_EXPIRY_INTERVAL": "2h"})]:
        broker = serve(*options, config=config, env=env)
        with Client(broker, "x", expiry=0xFFFF_FFFF) as client:
            assert client.granted.SessionExpiryInterval == expected
        broker.stop()


KEPT = OPEN.replace("broker: {", "broker: { data_dir: data,")


def test_status_health_and_stop_speak_to_the_running_broker(serve, tmp_path):
    """They find it through the plugins.yaml they stand beside."""
    broker = serve(config=KEPT, ephemeral=False)
    with Client(broker, "seen"):
        status = command("status", cwd=tmp_path)
        assert status.returncode == 0, status.stderr
        assert str(broker.ports["pid"]) in status.stdout
        assert command("health", cwd=tmp_path).returncode == 0
    stopped = command("stop", cwd=tmp_path)
    assert stopped.returncode == 0, stopped.stderr
    assert broker.wait() == 0
    assert command("health", cwd=tmp_path).returncode == 1


def test_status_without_a_broker_says_so(tmp_path):
    done = command("status", "--data-dir", tmp_path / "data", cwd=tmp_path)
    assert done.returncode == 1
    assert "no broker is running" in done.stderr


def test_a_second_broker_on_the_same_data_is_refused(serve, tmp_path):
    first = serve(config=KEPT, ephemeral=False)
    (tmp_path / "second").mkdir()
    second = serve("--data-dir", tmp_path / "data", folder=tmp_path / "second", plugins=True, ephemeral=False,
                   ready=False)
    assert second.wait() == 1
    assert str(first.ports["pid"]) in second.log.text()


def test_reload_says_what_changed_or_what_is_wrong(serve, tmp_path):
    broker = serve(config=KEPT, ephemeral=False)
    write(tmp_path, "broker: { wrong: true }\n")
    refused = command("reload", "--data-dir", tmp_path / "data", cwd=tmp_path)
    assert refused.returncode == 78
    assert "plugins.yaml:1:" in refused.stderr + refused.stdout
    write(tmp_path, KEPT.replace("broker: {", "broker: { log: { level: debug },"))
    changed = command("reload", cwd=tmp_path)
    assert changed.returncode == 0
    assert "log.level" in changed.stdout
    with Client(broker):
        pass


def test_passwd_adds_changes_and_deletes(tmp_path):
    file = tmp_path / "passwd"
    assert command("passwd", "-c", "-b", file, "alice", "wonder").returncode == 0
    assert command("passwd", "-b", file, "bob", "builder").returncode == 0
    text = file.read_text()
    assert [line.split(":")[0] for line in text.splitlines()] == ["alice", "bob"]
    assert "wonder" not in text and "builder" not in text
    assert file.stat().st_mode & 0o077 == 0, "readable by its owner only"
    assert command("passwd", "-D", file, "alice").returncode == 0
    assert [line.split(":")[0] for line in file.read_text().splitlines()] == ["bob"]


def test_passwd_reads_the_password_from_stdin(tmp_path):
    file = tmp_path / "passwd"
    assert command("passwd", "-c", file, "alice", stdin="wonder\nwonder\n").returncode == 0
    assert file.read_text().startswith("alice:")


def test_json_log_lines_are_json(serve):
    broker = serve("--log-format", "json")
    broker.stop()
    lines = [json.loads(line) for line in broker.log.text().splitlines()]
    assert lines and all("event" in line and "time" in line for line in lines)
