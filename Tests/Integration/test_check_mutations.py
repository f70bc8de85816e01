"""`hookline check` on configurations that are broken in known places: it names each of them, and nothing else."""

import os
import random
import re
import subprocess

import pytest

from broker import BUILD, DEADLINE, ROOT, command

GOOD = """\
broker:
  threads: 2
  data_dir: data
  listeners:
    tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true }
    second:
      url: "mqtt://127.0.0.1:0"
      allow_anonymous: false
  limits:
    max_connections: 100
    max_packet_size: 1MiB
    max_payload_size: 256KiB
    connect_rate_per_ip: 10/s
    connect_timeout: 5s
  session:
    max_expiry_interval: 1d
    on_queue_full: refuse
  mqtt:
    retain_available: true
    max_qos: 1
  log:
    level: info
    format: json
plugins:
  - id: tune
    path: tunable.so
    enabled: true
    config:
      level: 3
  - id: rules
    plugin: acl
    config:
      file: acl.yaml
      on_lost_permission: disconnect
  - id: users
    plugin: auth
    config:
      sources: [ { password_file: passwd } ]
      failures_allowed: 5
      failure_delay: 2s
"""

#: Values that a key cannot have, each a fault at the place of the value.
WRONG = {
    "threads": ["many", "-1", "257", "1.5"], "url": ["nowhere", "\"http://x\"", "\"mqtt://127.0.0.1:70000\""],
    "allow_anonymous": ["yes", "\"on\"", "maybe"], "max_connections": ["0", "lots"],
    "max_packet_size": ["1MB", "255", "x"], "max_payload_size": ["256k", "-1"],
    "connect_rate_per_ip": ["10", "10/d", "fast"], "connect_timeout": ["5", "5 s", "1ms"],
    "max_expiry_interval": ["1w", "100ms"], "on_queue_full": ["drop", "Refuse"],
    "retain_available": ["no", "1"], "max_qos": ["3", "two"], "level": ["loud", "verbose"],
    "format": ["xml"], "enabled": ["sometimes"], "failures_allowed": ["some", "1.5"],
    "failure_delay": ["2", "soon"], "data_dir": ["[a]"], "file": ["[a]"], "on_lost_permission": ["{ a: b }"],
    "sources": ["passwd"],
}
#: Keys without which nothing else can be said.
FIXED = {"id", "path", "plugin", "broker", "plugins", "tcp", "second", "config", "listeners", "limits", "session",
         "mqtt", "log"}
#: Keys that must be there, and what misses them: misspelt, they are two faults.
REQUIRED = {"file": "  - id: rules", "sources": "  - id: users", "url": "    second:"}
LINE = re.compile(r"^( *)(\w+):(?: (.*))?$")


def mutate(line, rng):
    """The lines that take its place, and the fault as (line offset, column); None: this line stays."""
    found = LINE.match(line)
    if not found or found[2] in FIXED:
        return None
    indent, name, value = found[1], found[2], found[3]
    at_key, at_value = len(indent) + 1, len(indent) + len(name) + 3
    ways = [lambda: ([f"{indent}{name}{rng.choice('xyz')}: {value or ''}".rstrip()], (0, at_key))]
    if value:
        ways += [
            lambda: ([f"{indent}{name}: {rng.choice(WRONG[name])}"], (0, at_value)),
            lambda: ([f"{indent}{name}: ${{NOT_SET_{rng.randrange(100)}}}"], (0, at_value)),
            lambda: ([line, line], (1, at_key)),
        ]
    return rng.choice(ways)()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("check")
    subprocess.run(
        ["gcc", "-shared", "-fPIC", f"-I{ROOT}/Sources/PluginABI/include", "-o", folder / "tunable.so",
         ROOT / "Tests/Fixtures/plugins/tunable.c"], check=True, timeout=DEADLINE)
    (folder / "acl.yaml").write_text("rules: []\n")
    (folder / "passwd").write_text("")
    os.chmod(folder / "passwd", 0o600)
    assert (BUILD / "libacl.so").exists() and (BUILD / "libauth.so").exists()
    return folder


def check(folder, name, lines):
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return command("check", path, cwd=folder)


def test_the_good_file_is_good(folder):
    done = check(folder, "good.yaml", GOOD.splitlines())
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("part", range(4))
def test_each_fault_is_named_with_its_line_and_column(folder, part):
    """A hundred files from one seed, twenty-five in each part, with up to four faults each."""
    for number in range(part * 25, part * 25 + 25):
        rng = random.Random(f"check {number}")
        lines, faults = GOOD.splitlines(), []
        # From the end, so that a line that is added moves nothing that is still to come.
        for index in sorted(rng.sample(range(len(lines)), rng.choice([8, 16, 24])), reverse=True):
            changed = mutate(lines[index], rng) if len(faults) < 4 else None
            if changed:
                new, (offset, column) = changed
                faults = [(line + len(new) - 1, place) for line, place in faults]
                faults.append((index + 1 + offset, column))
                owner = REQUIRED.get(LINE.match(lines[index])[2])
                if owner and LINE.match(new[0])[2] not in REQUIRED:
                    faults.append((lines.index(owner) + 1, 5))
                lines[index:index + 1] = new
        if not faults:
            continue
        name = f"file-{number}.yaml"
        done = check(folder, name, lines)
        assert done.returncode == 78, (number, done.stdout)
        named = {(int(line), int(column))
                 for line, column in re.findall(rf"{name}:(\d+):(\d+): \S", done.stderr)}
        assert named == set(faults), (
            f"file {number}: not named {sorted(set(faults) - named)}, not there {sorted(named - set(faults))}\n"
            + "\n".join(f"{place + 1:3} {line}" for place, line in enumerate(lines)) + "\n" + done.stderr)


def test_no_code_of_a_plugin_runs(folder):
    """A plugin that would end the process as soon as it is mapped is checked like any other."""
    source = folder / "bomb.c"
    source.write_text(
        "#include <hookline/plugin.h>\n#include <stdlib.h>\n"
        "__attribute__((constructor)) static void bang(void) { abort(); }\n"
        "static hl_status start(hl_self *s, const hl_config *c, void **t) "
        "{ (void)s; (void)c; (void)t; return HL_OK; }\n"
        "static const hl_config_key keys[] = {{\"level\", HL_INTEGER | HL_REQUIRED, 0, \"how loud\"}, {0, 0, 0, 0}};\n"
        "HL_PLUGIN(\"test.bomb\", \"1\", HL_FREE, keys, start)\n")
    for compiler in ("gcc", "clang"):
        subprocess.run(
            [compiler, "-shared", "-fPIC", "-O2", f"-I{ROOT}/Sources/PluginABI/include", "-o", folder / "bomb.so",
             source], check=True, timeout=DEADLINE)
        done = check(folder, "bomb.yaml", ["plugins:", "  - { id: bomb, path: bomb.so, config: { level: x } }"])
        assert done.returncode == 78
        assert done.stderr == f"{folder}/bomb.yaml:2:49: plugin 'bomb': config.level: 'x' is not a whole number\n"
        missing = check(folder, "bomb.yaml", ["plugins: [ { id: bomb, path: bomb.so } ]"])
        assert "bomb.yaml:1:12: plugin 'bomb': config.level is missing (how loud)" in missing.stderr
        told = command("plugins", "describe", folder / "bomb.so")
        assert told.returncode == 0 and "name=level type=integer required=true" in told.stdout
