"""Plugins are swapped again and again under load."""

import subprocess
import sys

from broker import BUILD, DEADLINE, ROOT


def test_nothing_is_lost_doubled_or_reordered_while_plugins_are_swapped():
    """The measurement of Benchmarks/reload in its short form: losses count, times do not."""
    done = subprocess.run(
        [sys.executable, ROOT / "Benchmarks" / "reload" / "swap.py", "--short", "--build", BUILD], capture_output=True,
        text=True, timeout=4 * DEADLINE)
    assert done.returncode == 0, done.stdout + done.stderr
