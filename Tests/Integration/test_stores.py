"""Store plugins against store/1, without a broker."""

import pytest

from broker import BUILD, command

ENGINES = [name for name in ("sqlite", "rocksdb") if (BUILD / f"libstore-{name}.so").exists()]


def test_the_store_that_is_shipped_is_there():
    assert "sqlite" in ENGINES


@pytest.mark.parametrize("engine", ENGINES)
def test_a_store_plugin_keeps_the_rules_when_the_power_fails(engine, tmp_path):
    """One workload whose power is cut at every flush; `make check-store` takes more."""
    settings = ["--set", "log_size=1MiB"] if engine == "sqlite" else []
    done = command(
        "plugins", "check-store", BUILD / f"libstore-{engine}.so", "--seeds", "1", "--scratch", tmp_path, *settings,
        timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "left out" not in done.stdout
    assert "every rule holds" in done.stdout


def test_a_plugin_without_a_store_is_refused(tmp_path):
    done = command("plugins", "check-store", BUILD / "libacl.so", "--scratch", tmp_path)
    assert done.returncode == 1
    assert "a store may require log/1 and provide/1 only" in done.stdout + done.stderr
