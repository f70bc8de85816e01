"""`hookline store`, without a broker."""

import json
import sqlite3

import pytest

from broker import BUILD, Broker, command
from client import Client


ENGINES = [name for name in ("sqlite", "rocksdb") if (BUILD / f"libstore-{name}.so").exists()]


@pytest.fixture
def empty(tmp_path):
    """A store without a record."""
    folder = tmp_path / "store"
    done = command("store", "import", folder, stdin="")
    assert done.returncode == 0, done.stderr
    return folder


def test_a_newer_format_is_refused_in_one_line(empty):
    with sqlite3.connect(empty / "store.db") as database:
        database.execute("PRAGMA user_version = 2")
    done = command("store", "verify", empty)
    assert done.returncode == 78
    assert len(done.stderr.splitlines()) == 1
    assert "has format 2, this version reads 1 at most; use a newer hookline" in done.stderr


def test_a_store_of_another_engine_is_refused(empty):
    (empty / "engine").write_text("bottomless 1\n")
    done = command("store", "verify", empty, "--plugin", BUILD / "libstore-sqlite.so")
    assert done.returncode == 78
    assert "was made by the engine bottomless, not sqlite" in done.stderr


def test_no_store_is_an_error(tmp_path):
    done = command("store", "inspect", tmp_path)
    assert done.returncode == 1
    assert f"there is no store in {tmp_path}" in done.stderr


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_what_was_exported_is_imported(tmp_path):
    """Keys and values come back as they were, whatever they are; a record that nobody can read, too."""
    given = ['{"hookline_store":1,"format":1}', '{"key":"00ff","value":""}', '{"key":"0101","value":"AAEC"}']
    done = command("store", "import", tmp_path / "store", stdin="\n".join(given))
    assert (done.returncode, done.stdout) == (0, "2 records\n"), done.stderr
    exported = command("store", "export", tmp_path)
    assert exported.returncode == 0, exported.stderr
    found = lines(exported.stdout)
    assert found[0] == {"hookline_store": 1, "format": 1}
    assert [(line["key"], line["value"]) for line in found[1:]] == [("00ff", ""), ("0101", "AAEC")]
    assert all("problem" in line for line in found[1:])
    verified = command("store", "verify", tmp_path)
    assert verified.returncode == 1
    assert "key 00ff" in verified.stderr and "key 0101" in verified.stderr


def test_a_line_that_is_none_ends_the_import(tmp_path):
    done = command("store", "import", tmp_path / "store", stdin='{"key":"00"}\n')
    assert done.returncode == 1
    assert "line 1: it has no 'key' in hexadecimal or no 'value' in Base64" in done.stderr


def test_a_store_that_holds_something_is_not_imported_into(tmp_path):
    assert command("store", "import", tmp_path / "store", stdin='{"key":"00","value":""}\n').returncode == 0
    done = command("store", "import", tmp_path / "store", stdin="")
    assert done.returncode == 1
    assert "is not empty" in done.stderr


def damage(folder, engine):
    """Overwrites a piece in the middle of the pairs."""
    if engine == "sqlite":
        database, page = folder / "store.db", 16384
        middle = database.stat().st_size // page // 2 * page
    else:
        database = max(folder.glob("rocksdb/*.sst"), key=lambda path: path.stat().st_size)
        page, middle = 64, database.stat().st_size // 2
    content = bytearray(database.read_bytes())
    content[middle:middle + page] = bytes(page)
    database.write_bytes(content)


@pytest.mark.parametrize("engine", ENGINES)
def test_damage_is_named_and_the_rest_is_read(tmp_path, engine):
    """A piece of the pairs is overwritten: what stands elsewhere is exported, and it says what is lost."""
    pairs = [f'{{"key":"{number:08x}","value":"{"QUJD" * 100}"}}' for number in range(2000)]
    folder = tmp_path / "store"
    plugin = ["--plugin", BUILD / f"libstore-{engine}.so"]
    assert command("store", "import", folder, *plugin, stdin="\n".join(pairs)).returncode == 0
    # To open it for writing once more takes what stands in the log of RocksDB into its table.
    assert "is not empty" in command("store", "import", folder, *plugin, stdin="").stderr
    damage(folder, engine)
    done = command("store", "export", folder)
    found = lines(done.stdout)[1:]
    assert done.returncode == 1
    assert "cannot be read" in done.stderr
    assert 1500 < len(found) < 2000
    assert found[-1]["key"] == f"{1999:08x}"
    assert len({line["key"] for line in found}) == len(found)
    assert command("store", "verify", folder).returncode == 1


CONFIG = """
broker:
  data_dir: data
  listeners: { tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true } }
plugins:
  - { id: store-sqlite }
"""


def test_a_running_broker_is_inspected_verified_and_exported(tmp_path):
    """What is kept of a session with a queue and of a retained message, while the broker goes on; the export makes the
    same store, which a broker takes up."""
    with Broker(tmp_path, config=CONFIG, ephemeral=False) as broker:
        with Client(broker, "meter", clean=False, expiry=3600) as client:
            client.subscribe("a/#", qos=1)
        with Client(broker, "writer") as client:
            for number in range(20):
                client.publish(f"a/{number}", b"payload", qos=1)
            client.publish("state", b"on", qos=1, retain=True)
            data = tmp_path / "data"
            counted = command("store", "inspect", data)
            assert counted.returncode == 0, counted.stderr
            assert "message: 20 records" in counted.stdout
            assert "queued: 20 records" in counted.stdout
            assert "retained: 1 record," in counted.stdout
            shown = command("store", "inspect", data, "--client", "meter")
            records = lines(shown.stdout)
            assert {"record": "subscription", "filter": "a/#"}.items() <= next(
                record for record in records if record["record"] == "subscription").items()
            assert {record["client"] for record in records} == {"meter"}
            verified = command("store", "verify", "--config", tmp_path / "plugins.yaml")
            assert verified.returncode == 0, verified.stderr
            assert "no damage" in verified.stdout
            exported = command("store", "export", data)
            assert exported.returncode == 0, exported.stderr
            client.publish("a/last", b"last", qos=1)
    copy = tmp_path / "copy"
    (copy / "data").mkdir(parents=True)
    done = command("store", "import", copy / "data" / "store", stdin=exported.stdout)
    assert done.returncode == 0, done.stderr
    with Broker(copy, config=CONFIG, ephemeral=False) as broker:
        with Client(broker, "meter", clean=False, expiry=3600) as client:
            assert client.session_present
            assert [client.receive().topic for _ in range(20)] == [f"a/{number}" for number in range(20)]
