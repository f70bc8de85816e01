"""The first plugin of the guide: one file, one gcc line, three lines of YAML."""

import os
import subprocess

import pytest

from broker import DEADLINE, ROOT, command
from client import Client, Refused

SOURCE = ROOT / "Examples" / "plugins" / "hello-c" / "hello.c"
CONFIG = """\
broker:
  listeners: { tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true } }
plugins:
  - id: hello
    path: hello.so
    config: { filter: "greet/#", reply: "greet/count" }
"""
# The example leaves its directory of users to the reader.
DIRECTORY = """\
#include <hookline/plugin.h>
int directory_allows(hl_view user, hl_view password);
int directory_allows(hl_view user, hl_view password) { return user.len == password.len; }
"""


@pytest.fixture
def hello(tmp_path):
    """hello.so, built with the line the example begins with and the hookline.pc of the source tree."""
    line = SOURCE.read_text().splitlines()[0]
    assert line.startswith("/* gcc ") and line.endswith(" */"), "the first line says how to build it"
    (tmp_path / "hello.c").write_text(SOURCE.read_text())
    if "int directory_allows(hl_view user, hl_view password);" in SOURCE.read_text():
        (tmp_path / "directory.c").write_text(DIRECTORY)
        line = line.replace(" hello.c ", " hello.c directory.c ")
    done = subprocess.run(
        line[3:-3], shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=DEADLINE,
        env={**os.environ, "PKG_CONFIG_PATH": str(ROOT / "Sources" / "PluginABI" / "pkgconfig")})
    assert (done.returncode, done.stderr) == (0, "")
    return tmp_path / "hello.so"


def test_it_counts_what_it_sees(serve, threads, hello):
    broker = serve(threads=threads, config=CONFIG)
    with Client(broker) as watcher, Client(broker) as sender, Client(broker) as other:
        watcher.subscribe("greet/count", 0)
        for number in range(1, 11):
            (sender if number % 2 else other).publish("greet/world", b"hi", 1)
            assert int(watcher.receive().payload) == number
    with Client(broker) as late:
        late.subscribe("greet/count", 0)
        message = late.receive()
        assert (message.payload, message.retain) == (b"10", True)


def test_a_log_in_may_be_decided_later(serve, threads, hello):
    broker = serve(threads=threads, config=CONFIG)
    with Client(broker, username="abc", password="xyz") as client:
        client.publish("a", b"", 1)
    with pytest.raises(Refused):
        Client(broker, username="abc", password="no").connect()
    with Client(broker):
        pass


def test_check_knows_its_settings_without_running_it(tmp_path, hello):
    path = tmp_path / "plugins.yaml"
    path.write_text(CONFIG)
    assert command("check", path).returncode == 0
    path.write_text(CONFIG.replace("filter:", "filtre:"))
    done = command("check", path)
    assert done.returncode == 78
    assert "plugins.yaml:6:15" in done.stderr and "filtre" in done.stderr and "filter" in done.stderr


def test_a_missing_file_is_named_with_its_position(serve, tmp_path):
    broker = serve(config=CONFIG, ready=False)
    assert broker.wait() == 78
    assert "plugins.yaml:4:" in broker.log.text() and "hello.so" in broker.log.text()


def test_what_is_no_plugin_is_refused(serve, tmp_path):
    (tmp_path / "other.c").write_text("int x;\n")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", "hello.so", "other.c"], cwd=tmp_path, check=True)
    broker = serve(config=CONFIG, ready=False)
    assert broker.wait() == 78
    assert "hello" in broker.log.text()
