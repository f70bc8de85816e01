"""An edit of the list of plugins, seen from outside: wholly or not at all, with a reason."""

import json
import subprocess

import pytest

from broker import DEADLINE, ROOT, command
from client import Client, Refused
from control import Control

FIXTURES = ROOT / "Tests" / "Fixtures" / "plugins"
LISTENER = 'broker: { data_dir: data, listeners: { tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true } } }\n'


def build(folder, name, *flags):
    target = folder / f"{name}.so"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", *flags, f"-I{ROOT}/Sources/PluginABI/include", "-o", target,
         FIXTURES / f"{name}.c"], check=True, timeout=DEADLINE)
    return target


@pytest.fixture
def plugins(tmp_path):
    build(tmp_path, "tunable")
    build(tmp_path, "verdict", "-DVERDICT=HL_DENY")
    return tmp_path


def write(folder, entries):
    (folder / "plugins.yaml").write_text(LISTENER + "plugins:\n" + entries)


def test_describe_runs_no_code(plugins):
    done = command("plugins", "describe", plugins / "tunable.so", "--json", cwd=plugins)
    assert done.returncode == 0
    facts = json.loads(done.stdout)
    assert (facts["id"], facts["version"], facts["abi"]) == ("test.tunable", "1", "1.0")
    assert facts["flags"] == ["free", "multi_instance"]
    wrong = command("plugins", "describe", plugins / "plugins.yaml.so", cwd=plugins)
    assert wrong.returncode == 1
    (plugins / "text.so").write_text("no ELF")
    wrong = command("plugins", "describe", plugins / "text.so", cwd=plugins)
    assert wrong.returncode == 78 and "not a shared object" in wrong.stderr


def test_a_refused_edit_changes_nothing_and_says_why(serve, plugins):
    tuned = "  - { id: t, path: tunable.so, config: { level: 1 } }\n"
    write(plugins, tuned)
    broker = serve(config=(plugins / "plugins.yaml").read_text(), plugins=True, ephemeral=False)
    with Client(broker):
        write(plugins, tuned.replace("1", "2") + "  - { id: v, path: verdict.so }\n"
              + "  - { id: u, path: tunable.so, config: { level: 11 } }\n")
        refused = command("reload", cwd=plugins)
        assert refused.returncode == 78
        assert "plugins.yaml:5:49: plugin 'u': 11 is above 10" in refused.stderr
        with Client(broker):
            pass  # verdict.so, which denies everybody, did not come into force
        write(plugins, tuned.replace("1", "2"))
        changed = command("reload", cwd=plugins)
        assert changed.returncode == 0 and "plugins.t" in changed.stdout
        write(plugins, "  - { id: v, path: verdict.so }\n" + tuned.replace("1", "2"))
        changed = command("reload", cwd=plugins)
        assert changed.returncode == 0 and "plugins.v" in changed.stdout
        with pytest.raises(Refused):
            Client(broker).__enter__()


def test_a_new_plugin_builds_is_valid_and_counts(tmp_path):
    done = command("plugins", "new", "counter", cwd=tmp_path)
    assert done.returncode == 0 and "counter.so" in done.stdout
    assert command("plugins", "new", "counter", cwd=tmp_path).returncode == 1, "nothing is written over"
    assert command("plugins", "new", "no/name", cwd=tmp_path).returncode == 2
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", f"-I{ROOT}/Sources/PluginABI/include", "-o",
         tmp_path / "counter.so", tmp_path / "counter.c"], check=True, timeout=DEADLINE)
    valid = command("plugins", "validate", "counter.so", cwd=tmp_path)
    assert valid.returncode == 0, valid.stderr
    assert valid.stdout.startswith("counter.so: ok (org.example.counter 0.1.0); ")
    wrong = command("plugins", "validate", "counter.so", "--settings", "{ filter: a/#/b }", cwd=tmp_path)
    assert wrong.returncode == 78 and "config.filter" in wrong.stderr


def test_validate_says_in_which_step_a_plugin_crashes(tmp_path):
    (tmp_path / "crash.c").write_text(
        "#include <hookline/plugin.h>\n#include <stdlib.h>\n"
        "static hl_status start(hl_self *s, const hl_config *c, void **t) "
        "{ (void)s; (void)c; (void)t; abort(); }\n"
        "HL_PLUGIN(\"test.crash\", \"1\", HL_FREE, 0, start)\n")
    subprocess.run(
        ["gcc", "-shared", "-fPIC", f"-I{ROOT}/Sources/PluginABI/include", "-o", tmp_path / "crash.so",
         tmp_path / "crash.c"], check=True, timeout=DEADLINE)
    done = command("plugins", "validate", "crash.so", cwd=tmp_path)
    assert done.returncode == 78
    assert "ended the process (134)" in done.stderr and "start" in done.stderr


def test_plugins_are_switched_off_and_on_while_the_broker_runs(serve, plugins):
    write(plugins, "  - { id: v, path: verdict.so }\n")
    config = (plugins / "plugins.yaml").read_text()
    broker = serve(config=config, plugins=True, ephemeral=False)
    with pytest.raises(Refused):
        Client(broker).connect()
    done = command("plugins", "disable", "v", cwd=plugins)
    assert done.returncode == 0 and "plugins.v" in done.stdout, done.stderr
    with Client(broker):
        pass
    shown = command("config", "show", cwd=plugins)
    assert shown.returncode == 0 and "enabled: false" in shown.stdout
    broker.stop()
    # It outlives the process.
    broker = serve(config=config, plugins=True, ephemeral=False)
    with Client(broker):
        pass
    assert command("plugins", "disable", "nobody", cwd=plugins).returncode == 1
    done = command("plugins", "enable", "v", cwd=plugins)
    assert done.returncode == 0, done.stderr
    with pytest.raises(Refused):
        Client(broker).connect()
    refused = command("config", "set", "plugins.v.grants", "[nonsense]", cwd=plugins)
    assert refused.returncode == 78 and "nonsense" in refused.stderr
    with pytest.raises(Refused):
        Client(broker).connect()
    assert command("config", "set", "broker.log.level", "debug", cwd=plugins).returncode == 0
    assert "run-time overlay" in command("config", "show", cwd=plugins).stdout
    with Control(plugins) as control:
        level, = [row for row in control.do("config")["settings"] if row["path"] == "broker.log.level"]
        assert (level["value"], level["origin"]) == ("debug", "run-time overlay")
    assert command("config", "reset", cwd=plugins).returncode == 0
    assert "run-time overlay" not in command("config", "show", cwd=plugins).stdout
    assert command("config", "reset", "broker.log.level", cwd=plugins).returncode == 1


def running(folder):
    return [plugin["id"] for plugin in json.loads(command("plugins", "list", "--json", cwd=folder).stdout)["plugins"]]


def test_an_optional_plugin_is_not_waited_for(serve, plugins):
    entry = "  - { id: t, path: late.so, optional: %s, config: { level: 1 } }\n"
    write(plugins, entry % "true")
    broker = serve(config=(plugins / "plugins.yaml").read_text(), plugins=True, ephemeral=False)
    broker.log.wait(r"plugin\.awaited.*plugin=t")
    missing = command("plugins", "reload", "t", cwd=plugins)
    assert missing.returncode == 78 and "late.so" in missing.stderr and running(plugins) == []
    (plugins / "tunable.so").rename(plugins / "late.so")
    assert command("plugins", "reload", "t", cwd=plugins).returncode == 0
    assert running(plugins) == ["t"]
    with Client(broker):
        pass
    # What is not optional is an error.
    write(plugins, entry % "false" + "  - { id: gone, path: gone.so }\n")
    refused = command("reload", cwd=plugins)
    assert refused.returncode == 78 and "gone.so" in refused.stderr
