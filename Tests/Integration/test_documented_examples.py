"""Every example on the pages about log-ins and access rules is run as it stands there; one without a test fails."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from broker import DEADLINE, HOOKLINE, ROOT, command
from client import Client, Refused
from test_auth_sources import Service, database  # noqa: F401 (a fixture)

FENCE = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks_of(path, start=None, end=None):
    """The examples of a page, or of the part of it between two words."""
    text = (ROOT / path).read_text()
    if start:
        text = text[text.index(start):text.index(end)]
    return FENCE.findall(text)


BLOCKS = {
    "auth.md": blocks_of("docs/auth.md"),
    "acl.md": blocks_of("docs/acl.md"),
    "getting-started.md": blocks_of("docs/getting-started.md", "## 4. Lock it", "## 5."),
    "README.md": blocks_of("README.md", "**Lock it.**", "**Test with it.**"),
}
COVERED = set()
LISTENER = 'broker:\n  listeners: { tcp: { url: "mqtt://127.0.0.1:0" } }\n'
OPEN = 'broker:\n  listeners: { tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true } }\n'


def example(page, *beginnings):
    """A test of blocks of a page, each named by how it begins; it is given their texts as `blocks`."""
    texts = []
    for beginning in beginnings:
        found = [index for index, text in enumerate(BLOCKS[page]) if text.startswith(beginning)]
        assert len(found) == 1, f"{len(found)} examples on {page} begin with {beginning!r}"
        COVERED.add((page, found[0]))
        texts.append(BLOCKS[page][found[0]])
    return pytest.mark.parametrize("blocks", [texts], ids=[page])


def test_every_example_has_a_test():
    missing = [f"{page}: {text.splitlines()[0]}" for page in BLOCKS for index, text in enumerate(BLOCKS[page])
               if (page, index) not in COVERED]
    assert not missing, "examples that nobody runs:\n" + "\n".join(missing)


def on_a_free_port(text):
    assert "mqtt://localhost:1883" in text
    return text.replace("mqtt://localhost:1883", "mqtt://127.0.0.1:0")


def start_of(shell):
    """The commands before and after the line that starts the broker, each with its remark."""
    lines = [line.split("#", 1) if "  #" in line else (line, "") for line in shell.splitlines()]
    lines = [(line.strip(), remark.strip()) for line, remark in lines]
    serving = next(index for index, (line, _) in enumerate(lines) if line.startswith("hookline serve"))
    return lines[:serving], lines[serving + 1:]


def run(line, folder, broker=None):
    words = shlex.split(line.removesuffix("&"))
    if words[0] == "hookline":
        words[0] = str(HOOKLINE)
    else:
        words[1:1] = ["-h", broker.host, "-p", str(broker.port)]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=DEADLINE, check=False)


def check(line, remark, folder, broker=None):
    done = run(line, folder, broker)
    said = (done.stdout + done.stderr).lower()
    refusal = re.match(r"refused: \d+, (.+)", remark)
    if refusal:
        assert refusal[1] in said, f"{line}: {said}"
    else:
        assert done.returncode == 0, f"{line}: {said}"


def fault(text):
    """A regular expression for a message with a time of day in it."""
    return re.sub(r"\d\d:\d\d:\d\d", r"\\d\\d:\\d\\d:\\d\\d", re.escape(text.strip()))


def refused(broker, **credentials):
    with pytest.raises(Refused) as problem:
        Client(broker, **credentials).connect()
    return problem.value.code


# ---- the first pages people read


def locked(broker, forbidden):
    """Alice does what the rules allow, and nothing else; nobody else gets in."""
    with Client(broker, username="alice", password="secret") as alice:
        assert alice.subscribe("sensors/#", 1) == 1
        assert alice.publish("sensors/1", b"x", 1) in (0, 0x10)
        assert alice.receive().payload == b"x"
        assert alice.publish(forbidden, b"x", 1) == 0x87
    assert refused(broker, username="alice", password="wrong") == 0x86
    assert refused(broker) == 0x87


@example("README.md", ".build/release/hookline passwd -c -b passwd alice", "# plugins.yaml")
def test_locking_a_broker(serve, tmp_path, blocks):
    shell, config = blocks
    done = subprocess.run(
        ["bash", "-e", "-c", shell.replace(".build/release/hookline", str(HOOKLINE))], cwd=tmp_path, check=False,
        capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 0, done.stderr
    locked(serve(config=on_a_free_port(config)), "other/1")


@example("getting-started.md", "hookline passwd -c passwd alice", "# acl.yaml", "# plugins.yaml")
def test_locking_a_broker_step_by_step(serve, tmp_path, blocks):
    shell, rules, config = blocks
    asked = command(*shlex.split(shell)[1:], cwd=tmp_path, stdin="secret\nsecret\n")
    assert asked.returncode == 0, asked.stderr
    (tmp_path / "acl.yaml").write_text(rules)
    locked(serve(config=on_a_free_port(config)), "sensors/secret/1")


# ---- auth.md


@example("auth.md", "# plugins.yaml\nbroker:", "hookline passwd -c -b passwd alice")
def test_the_first_steps_of_logging_in(serve, tmp_path, blocks):
    config, shell = blocks
    before, after = start_of(shell)
    for line, remark in before:
        check(line, remark, tmp_path)
    assert [line.split(":")[0] for line in (tmp_path / "passwd").read_text().splitlines()] == ["alice"]
    broker = serve(config=on_a_free_port(config))
    assert len(after) == 2
    for line, remark in after:
        check(line, remark, tmp_path, broker)


@example("auth.md", "sources:\n  - { password_file: passwd }")
def test_a_list_of_sources(tmp_path, blocks):
    (tmp_path / "devices").write_text("")
    for name in ("passwd", "devices"):
        command("passwd", "-c", "-b", tmp_path / name, "alice", "wonder")
    key = subprocess.run(
        ["openssl", "genpkey", "-algorithm", "ed25519", "-out", tmp_path / "private.pem"], check=True,
        capture_output=True)
    assert key.returncode == 0
    subprocess.run(
        ["openssl", "pkey", "-in", tmp_path / "private.pem", "-pubout", "-out", tmp_path / "issuer.pem"], check=True)
    (tmp_path / "jwks.json").write_text(
        '{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}')
    text = blocks[0].replace("/etc/hookline/devices", "devices")
    indented = "".join(f"      {line}\n" for line in text.splitlines())
    (tmp_path / "plugins.yaml").write_text(f"{LISTENER}plugins:\n  - id: auth\n    config:\n{indented}")
    done = command("check", "plugins.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@example("auth.md", "passwd:3: user 'bob': passwords are not kept in clear")
def test_a_broken_password_file_says_where(serve, tmp_path, blocks):
    for create, user in ((["-c"], "alice"), ([], "carol")):
        command("passwd", *create, "-b", "--scheme", "pbkdf2", tmp_path / "passwd", user, "x")
    config = "plugins:\n  - { id: auth, config: { sources: [ { password_file: passwd } ] } }\n"
    broker = serve(config=LISTENER + config)
    with (tmp_path / "passwd").open("a") as file:
        file.write("bob:builder\n")
    broker.log.wait(fault(blocks[0]))


@example("auth.md", "sources:\n  - http:")
def test_a_web_service(serve, blocks):
    service = Service()
    service.answer = lambda request: (204, b"") if request["password"] == "right" else (403, b"")
    assert "https://id.example/login" in blocks[0]
    text = blocks[0].replace("https://id.example/login", service.url)
    indented = "".join(f"      {line}\n" for line in text.splitlines())
    broker = serve(config=f"{LISTENER}plugins:\n  - id: auth\n    config:\n{indented}")
    with Client(broker, username="alice", password="right"):
        pass
    assert refused(broker, username="alice", password="wrong") == 0x86
    service.close()


@example("auth.md", "sources:\n  - postgres:")
def test_a_table(serve, tmp_path, database, blocks):  # noqa: F811
    folder, query, _ = database
    made = command("passwd", "-c", "-b", "--scheme", "pbkdf2", tmp_path / "made", "alice", "wonder")
    assert made.returncode == 0
    hashed = (tmp_path / "made").read_text().strip().split(":", 1)[1]
    query("CREATE TABLE users (name text PRIMARY KEY, hash text, groups text, account text)")
    query(f"INSERT INTO users VALUES ('alice', '{hashed}', 'ops staff', 'acme')")
    secret = tmp_path / "database.secret"
    secret.write_text(f"host={folder} dbname=postgres user=broker")
    secret.chmod(0o600)
    indented = "".join(f"      {line}\n" for line in blocks[0].splitlines())
    broker = serve(config=f"{LISTENER}plugins:\n  - id: auth\n    config:\n{indented}")
    with Client(broker, username="alice", password="wonder"):
        pass
    assert refused(broker, username="alice", password="wrong") == 0x86


# ---- acl.md


@example("acl.md", "# plugins.yaml\nplugins:", "# acl.yaml\n", "hookline passwd -c -b passwd dashboard")
def test_the_first_steps_of_access_rules(serve, tmp_path, blocks):
    config, rules, shell = blocks
    (tmp_path / "acl.yaml").write_text(rules)
    before, after = start_of(shell)
    for line, remark in before:
        check(line, remark, tmp_path)
    broker = serve(config=LISTENER + config)
    subscriber, *publishes = after
    assert subscriber[0].startswith("mosquitto_sub")
    with Client(broker, username="dashboard", password="look") as dashboard:
        assert dashboard.subscribe("sensors/#", 1) == 1
        for line, remark in publishes:
            check(line, remark, tmp_path, broker)
        message = dashboard.receive()
        assert (message.topic, message.payload) == ("sensors/pump-1/rpm", b"900")
        broker.log.wait(r"rule=acl\.yaml:default")


@example("acl.md", "hookline acl explain --user pump-1", "denied by acl.yaml:default")
def test_explaining_a_decision(tmp_path, blocks):
    shell, outputs = blocks
    rules = next(text for text in BLOCKS["acl.md"] if text.startswith("# acl.yaml\n"))
    config = next(text for text in BLOCKS["acl.md"] if text.startswith("# plugins.yaml\nplugins:"))
    (tmp_path / "acl.yaml").write_text(rules)
    (tmp_path / "plugins.yaml").write_text(LISTENER + config)
    (tmp_path / "passwd").write_text("")
    lines, wanted = shell.splitlines(), outputs.splitlines()
    assert len(lines) == len(wanted) == 3
    for line, output in zip(lines, wanted):
        assert run(line, tmp_path).stdout.strip() == output, line


@example("acl.md", "rules:\n  - { publish: \"inbox")
def test_an_inbox_is_written_by_its_account_and_read_by_its_owner(serve, tmp_path, blocks):
    (tmp_path / "acl.yaml").write_text(blocks[0])
    service = Service()
    service.answer = lambda request: (
        200, b'{"result":"allow","account":"%s"}' % request["username"].split("@")[1].encode())
    broker = serve(config=f"""{LISTENER}plugins:
  - {{ id: auth, config: {{ sources: [ {{ http: {{ url: "{service.url}" }} }} ] }} }}
  - {{ id: acl, config: {{ file: acl.yaml }} }}
""")

    def member(name, account):
        return Client(broker, name, username=f"{name}@{account}", password="x")

    with member("a", "acme") as a, member("b", "acme") as b, member("e", "evil") as e:
        assert a.subscribe("inbox/acme/a", 1) == 1
        assert b.subscribe("inbox/acme/a", 1) == 0x87, "only its owner reads it"
        assert a.subscribe("inbox/acme/+", 1) == 0x87
        assert e.publish("inbox/acme/a", b"from another account", 1) == 0x87
        assert e.publish("inbox/evil/a", b"to nobody", 1) in (0, 0x10)
        assert b.publish("inbox/acme/a", b"from the account", 1) in (0, 0x10)
        assert a.receive().payload == b"from the account"
    service.close()


@example("acl.md", "plugins:\n  - id: acl\n    config:\n      file: acl.yaml\n      stamp:")
def test_messages_carry_their_sender(serve, tmp_path, blocks):
    (tmp_path / "acl.yaml").write_text('rules:\n  - { publish: "#", subscribe: "#" }\n')
    broker = serve(config=OPEN + blocks[0])
    with Client(broker, "reader") as reader, Client(broker, "writer") as writer:
        reader.subscribe("t", 1)
        writer.publish("t", b"x", 1, UserProperty=[("sender", "somebody else"), ("sender-account", "acme")])
        assert reader.receive().properties.UserProperty == [("sender", "writer")]


@example("acl.md", "acl.yaml:12:18: filter 'sensors/#/temp'")
def test_a_broken_rule_file_says_where(serve, tmp_path, blocks):
    good = "default: deny\nrules:\n" + "".join(f'  - {{ publish: "a/{number}" }}\n' for number in range(41))
    (tmp_path / "acl.yaml").write_text(good)
    broker = serve(config=f"{OPEN}plugins:\n  - {{ id: acl, config: {{ file: acl.yaml }} }}\n")
    lines = good.splitlines()
    lines[11] = '  - { subscribe: "sensors/#/temp" }'
    fresh = tmp_path / "fresh"
    fresh.write_text("\n".join(lines) + "\n")
    fresh.rename(tmp_path / "acl.yaml")
    broker.log.wait(fault(blocks[0]))


@example("acl.md", "plugins:\n  - { id: acl, config: { file: acl.yaml, shadow", "next.acl.yaml:4 would have it denied")
def test_rules_on_trial(serve, tmp_path, blocks):
    config, line = blocks
    (tmp_path / "acl.yaml").write_text(
        "# one\n# two\n# three\n# four\n# five\nrules:\n" + '  - { user: plc, publish: "line/#" }\n')
    (tmp_path / "next.acl.yaml").write_text(
        "rules:\n" + '  - { publish: "line/#" }\n' + "  # no more\n" + '  - { deny: publish, topic: "line/7" }\n')
    command("passwd", "-c", "-b", "--scheme", "pbkdf2", tmp_path / "passwd", "plc", "x")
    auth = "  - { id: auth, config: { sources: [ { password_file: passwd } ] } }\n"
    broker = serve(config=LISTENER + config.replace("plugins:\n", "plugins:\n" + auth))
    with Client(broker, "plc-3", username="plc", password="x") as client:
        assert client.publish("line/7", b"x", 1) in (0, 0x10), "not obeyed"
    words, fields = line.strip().split("  ")
    found = broker.log.wait(r"acl\.shadow_differs .*" + re.escape(words) + ".*")
    assert all(field in found.string for field in fields.split()), found.string
    # "To promote them"
    Path(tmp_path / "next.acl.yaml").rename(tmp_path / "acl.yaml")
    broker.log.wait(r"acl\.reloaded .*2 rules")
    with Client(broker, "plc-3", username="plc", password="x") as client:
        assert client.publish("line/7", b"x", 1) == 0x87
