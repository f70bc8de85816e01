"""Plugins and plugins.yaml change on the disk, and the broker follows, or says why it does not."""

import json
import os
import subprocess
import time

import pytest

from broker import DEADLINE, ROOT, command
from client import Client, Refused

LISTENER = """broker:
  data_dir: data
  reload: { debounce: 20ms, preflight_timeout: 1s }
  listeners: { tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true } }
"""
SOURCE = """
#include <hookline/plugin.h>
#include <unistd.h>
static hl_verdict log_in(void *state, hl_call *call, const hl_connect *connect) {
    (void)state; (void)call; (void)connect;
    return HL_ALLOW;
}
static hl_status start(hl_self *self, const hl_config *config, void **state) {
    (void)config; (void)state;
    /* here */
    return hl_on_auth_connect(self, log_in);
}
HL_PLUGIN("test.loop", "1", HL_FREE, 0, start)
"""


def compile_in(folder, source, name="mine"):
    """As an author does it: the compiler writes over what the broker has loaded."""
    (folder / f"{name}.c").write_text(source)
    subprocess.run(
        ["gcc", "-shared", "-fPIC", f"-I{ROOT}/Sources/PluginABI/include", "-o", folder / f"{name}.so",
         folder / f"{name}.c"], check=True, timeout=DEADLINE)


@pytest.fixture
def author(serve, tmp_path):
    compile_in(tmp_path, SOURCE)
    config = LISTENER + "plugins:\n  - { id: mine, path: mine.so }\n"
    broker = serve(config=config, plugins=True, ephemeral=False, follow=True)
    with Client(broker):
        pass
    return broker


def status(folder, name="mine"):
    listed = command("plugins", "list", "--json", cwd=folder)
    assert listed.returncode == 0, listed.stderr
    return next(plugin for plugin in json.loads(listed.stdout)["plugins"] if plugin["id"] == name)


def test_an_authors_loop_is_edit_compile_see(author, tmp_path):
    began = time.monotonic()
    compile_in(tmp_path, SOURCE.replace("HL_ALLOW", "HL_DENY"))
    # On a busy machine the compiler may still be writing when the file is looked at first: that is refused and counts.
    generation = int(author.log.wait(r"plugin\.reloaded .*generation=(\d+) replaced=1")[1])
    assert time.monotonic() - began < DEADLINE, "less than a second on a quiet machine"
    with pytest.raises(Refused):
        Client(author).__enter__()
    assert status(tmp_path)["generation"] == generation


@pytest.mark.parametrize(
    "line, reason",
    [('*(volatile int *)0 = 1;', r"crashed \(SIGSEGV\) in loading, create, prepare or start"),
     ("pause();", r"did not come back from loading, create, prepare or start within 1s"),
     ("_exit(3);", r"ended the process \(3\)"),
     ('return hl_fail(self, "no route to database");', "no route to database")],
    ids=["crash", "hang", "exit", "refusal"])
def test_what_does_not_survive_its_trial_never_runs_in_the_broker(author, tmp_path, line, reason):
    compile_in(tmp_path, SOURCE.replace("/* here */", line))
    author.log.wait(r"plugin\.reload_refused .*kept=true.*" + reason)
    known = status(tmp_path)
    assert known["generation"] == 1 and known["refused"]
    with Client(author):
        pass
    compile_in(tmp_path, SOURCE.replace('"1"', '"2"'))
    author.log.wait(r"plugin\.reloaded ")
    assert status(tmp_path)["refused"] is None


def test_a_new_plugin_whose_file_was_refused_comes_when_the_file_is_mended(author, tmp_path):
    (tmp_path / "new.so").write_text("the linker did not get this far")
    config = tmp_path / "plugins.yaml"
    config.write_text(config.read_text() + "  - { id: new, path: new.so }\n")
    author.log.wait(r"config\.reload_refused .*new\.so is not a shared object")
    with Client(author):
        pass
    compile_in(tmp_path, SOURCE.replace("test.loop", "test.new"), "new")
    author.log.wait(r"plugin\.started .*plugin=new")
    assert status(tmp_path, "new")["generation"] >= 1


def test_a_crash_in_a_hook_is_found_in_the_trial(author, tmp_path):
    compile_in(tmp_path, SOURCE.replace("return HL_ALLOW;", "return *(volatile uint32_t *)8;"))
    author.log.wait(r"plugin\.reload_refused .*crashed \(SIGSEGV\) in hook auth.connect")
    with Client(author):
        pass


def test_a_saved_plugins_yaml_is_in_force_without_being_asked(author, tmp_path):
    with Client(author):
        compile_in(tmp_path, SOURCE.replace("HL_ALLOW", "HL_DENY").replace("test.loop", "test.no"), "no")
        config = tmp_path / "plugins.yaml"
        before = config.read_text()
        config.write_text(before + "  - { id: mine, path: no.so }\n")
        author.log.wait(r"config\.reload_refused .*already stands in line")
        new = tmp_path / "new.yaml"
        new.write_text(before.replace("plugins:\n", "plugins:\n  - { id: no, path: no.so }\n"))
        os.rename(new, config)
        author.log.wait(r"config\.reloaded .*plugins\.no")
    with pytest.raises(Refused):
        Client(author).__enter__()
