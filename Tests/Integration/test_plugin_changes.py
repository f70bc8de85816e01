"""An edit of the list of plugins, seen from outside: wholly or not at all, with a reason."""

import json
import subprocess

import pytest

from broker import DEADLINE, ROOT, command
from client import Client, Refused

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
