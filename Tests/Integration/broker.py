"""A Hookline broker as a child process, observed only from outside: its ports file, its output, its signals."""

import json
import os
import re
import signal
import subprocess
import threading
from pathlib import Path

import vocabulary

ROOT = Path(__file__).resolve().parents[2]
BUILD = (ROOT / os.environ.get("HOOKLINE_BUILD", ".build/release")).resolve()
HOOKLINE = BUILD / "hookline"
# Sanitizers and loaded machines are slower; deadlines only decide when to give up, never what a test waits for.
SLOW = float(os.environ.get("HOOKLINE_SLOW", "1"))
DEADLINE = 15 * SLOW
READY = re.compile(r"^hookline ready in (\d+) ms$")


def command(*arguments, cwd=None, stdin=None, env=None, timeout=DEADLINE):
    """Run `hookline ARGUMENTS` to its end; both outputs as text."""
    return subprocess.run(
        [HOOKLINE, *map(str, arguments)], cwd=cwd, input=stdin, env=env, timeout=timeout,
        stdin=subprocess.DEVNULL if stdin is None else None, capture_output=True, text=True)


class Output:
    """Lines of a pipe, collected by a thread, so that a test can wait for one without polling."""

    def __init__(self, pipe):
        self.lines = []
        self.ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._collect, args=(pipe,), daemon=True)
        self._thread.start()

    def _collect(self, pipe):
        for line in pipe:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def wait(self, pattern, timeout=DEADLINE, start=0):
        """The first match of `pattern` in line `start` or later; fails when the pipe closes or time is up."""
        wanted = re.compile(pattern)
        found = None

        def look():
            nonlocal found, start
            for line in self.lines[start:]:
                if found := wanted.search(line):
                    return True
            start = len(self.lines)
            return self.ended

        with self._changed:
            self._changed.wait_for(look, timeout)
            assert found, f"no line like {pattern!r} in:\n" + "\n".join(self.lines[-40:])
        return found

    def text(self):
        """Everything, once the process has ended."""
        self._thread.join(DEADLINE)
        return "\n".join(self.lines)


class Broker:
    """One running broker. `start` returns when it is ready; `stop` ends it by its process id, whatever happened."""

    def __init__(self, folder, *arguments, threads=None, config=None, plugins=False, ephemeral=True, env=None,
                 preexec=None, follow=False):
        self.folder = Path(folder)
        self.ports_file = self.folder / "ports.json"
        self.arguments = ["--exit-with-parent", "--ports-file", str(self.ports_file)]
        if ephemeral:
            self.arguments.append("--ephemeral")
        if config is not None:
            path = self.folder / "plugins.yaml"
            path.write_text(config)
            self.arguments += ["--config", str(path)]
        elif not plugins:
            self.arguments.append("--no-plugins")
        # Tests that edit a file and then ask for a reload must be the first to do so.
        if not follow:
            self.arguments += ["--set", "broker.reload.auto=false"]
        if threads is not None:
            self.arguments += ["--set", f"broker.threads={threads}"]
        self.arguments += map(str, arguments)
        self.environment = {**os.environ, **(env or {})}
        #: Called in the broker's process before it begins, for limits.
        self.preexec = preexec
        self.process = None

    def launch(self):
        """Start the process and return at once."""
        self.process = subprocess.Popen(
            [HOOKLINE, "serve", *self.arguments], cwd=self.folder, env=self.environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, errors="replace",
            preexec_fn=self.preexec)
        self.out = Output(self.process.stdout)
        self.log = Output(self.process.stderr)
        return self

    def start(self):
        self.launch()
        try:
            self.ready_milliseconds = int(self.out.wait(READY)[1])
        except AssertionError as problem:
            self.stop()
            raise AssertionError(f"the broker did not get ready: {problem}\nlog:\n{self.log.text()}") from None
        self.ports = json.loads(self.ports_file.read_text())
        return self

    @property
    def pid(self):
        return self.process.pid

    def listener(self, name="tcp"):
        return self.ports["listeners"][name]

    @property
    def host(self):
        return self.listener()["host"]

    @property
    def port(self):
        return self.listener()["port"]

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=DEADLINE):
        """The exit code."""
        return self.process.wait(timeout)

    def stop(self):
        """Ask, then insist. Returns the exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.text()
        self.out.text()
        self.process.stdout.close()
        self.process.stderr.close()
        unknown = vocabulary.problems(self.log.lines)
        assert not unknown, "lines that docs/logging.md does not have:\n" + "\n".join(unknown)
        return self.process.returncode

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
