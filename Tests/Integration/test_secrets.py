"""No secret leaves the broker: recognisable ones lie in every place, everything it says is searched."""

import base64
import json
import re
import struct
import time
import urllib.parse

import jwt
import pytest

from broker import BUILD, command
from client import V5, V311, Client, Refused
from collector import Collector
from wire import Wire, connect, integer, packet, publish, string, subscribe

# Each place has a secret of its own, so that a leak names it.
SECRETS = {
    "password of a client": "zq-password-right",
    "a wrong password": "zq-password-wrong",
    "a password of 3.1.1": "zq-password-old",
    "shared secret of tokens": "zq-signing-secret-of-32-bytes-and-more",
    "header for the collector": "Bearer zq-authorization",
    "payload": "zq-payload",
    "retained payload": "zq-retained",
    "payload of a will": "zq-will",
    "payload that is denied": "zq-denied",
    "payload that is queued": "zq-queued",
    "authentication data": "zq-auth-data",
    "correlation data": "zq-correlation-data",
    "private key": "zq-not-a-key",
    "variable of the environment": "zq-environment",
}
PLAIN = [secret for place, secret in SECRETS.items() if place != "header for the collector"] + ["zq-authorization"]

CONFIG = """\
broker:
  listeners:
    tcp: {{ url: "mqtt://127.0.0.1:0" }}
    open: {{ url: "mqtt://127.0.0.1:0", allow_anonymous: true }}
    tls: {{ url: "mqtts://127.0.0.1:0", cert: certs/server.pem, key: certs/server.key, ca: certs/ca.pem }}
  session: {{ max_queued_messages: 2 }}
  log: {{ level: trace, format: {form} }}
plugins:
  - {{ id: auth, path: {build}/libauth.so, config: {{ sources: [ {{ password_file: passwd }},
        {{ jwt: {{ secret_file: signing, audience: mqtt }} }} ] }} }}
  - {{ id: acl, path: {build}/libacl.so, config: {{ file: acl.yaml }} }}
  - {{ id: traces, path: {build}/libtraces.so,
      config: {{ endpoint: "{url}", ratio: 1, interval: 1ms, authorization: "${{ZQ_TOKEN}}" }} }}
"""


def forms(secret):
    """How a secret might be written down."""
    data = secret.encode()
    yield from {secret, urllib.parse.quote(secret), data.hex(), data.hex().upper(), json.dumps(secret)[1:-1],
                base64.b64encode(data).decode().rstrip("="), base64.urlsafe_b64encode(data).decode().rstrip("=")}


def use(broker, folder):
    """Every way in which a secret can reach the broker, right and wrong."""
    token = jwt.encode({"sub": "carol", "aud": "mqtt", "exp": int(time.time()) + 600},
                       SECRETS["shared secret of tokens"], "HS256")
    stale = jwt.encode({"sub": "carol", "aud": "mqtt", "exp": 1}, SECRETS["shared secret of tokens"], "HS256")
    credentials = {"username": "alice", "password": SECRETS["password of a client"]}
    will = {"topic": "t/will", "payload": SECRETS["payload of a will"]}
    with Client(broker, "sleeper", expiry=60, **credentials) as sleeper:
        sleeper.subscribe("t/#", 1)
    dying = Client(broker, "dying", will=will, **credentials).connect()
    with Client(broker, "c", **credentials) as client:
        client.subscribe("t/#", 1)
        client.publish("t/a", SECRETS["payload"], 1, CorrelationData=SECRETS["correlation data"].encode())
        client.publish("t/r", SECRETS["retained payload"], 1, retain=True)
        client.publish("denied", SECRETS["payload that is denied"], 1)
        for _ in range(5):
            client.publish("t/q", SECRETS["payload that is queued"], 1)
        dying.drop()
        while client.receive().topic != "t/will":
            pass
    with Client(broker, "late", **credentials) as late:
        late.subscribe("t/r")
        assert late.receive().payload.decode() == SECRETS["retained payload"]
    with Client(broker, "t", username="carol", password=token):
        pass
    wrong = [(V5, "alice", SECRETS["a wrong password"]), (V311, "alice", SECRETS["a password of 3.1.1"]),
             (V5, "nobody", SECRETS["a wrong password"]), (V5, "carol", stale)]
    for version, name, password in wrong:
        with pytest.raises(Refused):
            Client(broker, "w", version=version, username=name, password=password).connect()
    # An authentication method nobody knows, with its data; and a log-in that is cut in two.
    method = b"\x15" + string("ZQ") + b"\x16" + string(SECRETS["authentication data"])
    with Wire(broker, connect("a", properties=method)) as wire:
        wire.expect_end()
    with Wire(broker) as wire:
        wire.send(packet(1, string("MQTT") + bytes([5, 0xC2]) + struct.pack(">H", 60) + integer(0) + string("b")
                         + string("alice") + b"\xff\xff" + SECRETS["a wrong password"].encode()))
        wire.expect_end()
    # Packets that break the rules while they carry something.
    port = broker.listener("open")["port"]
    broken = [publish("t/+", SECRETS["payload"].encode()), publish("", SECRETS["payload"].encode()),
              publish("t/a", SECRETS["payload"].encode(), qos=3), subscribe("t/#" + "\0", 1)]
    for sent in broken:
        with Wire(At(broker.host, port), connect("x"), sent) as wire:
            wire.expect_end()
    return [token, stale]


class At:
    def __init__(self, host, port):
        self.host, self.port = host, port


def ask(broker, folder):
    """What the tool says of the broker and of its files."""
    where = ["--config", folder / "plugins.yaml", "--data-dir", folder / "data"]
    questions = [["status", *where], ["status", "--json", *where], ["plugins", "list", *where], ["log", *where],
                 ["config", "show", "--config", folder / "plugins.yaml"], ["check", folder / "plugins.yaml"],
                 ["plugins", "describe", BUILD / "libtraces.so"], ["reload", "traces", *where], ["reload", *where]]
    for question in questions:
        done = command(*question, cwd=folder, env=broker.environment)
        yield done.stdout + done.stderr


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_is_told_to_anybody(serve, tmp_path, form):
    assert command("certs", "init", tmp_path / "certs", cwd=tmp_path).returncode == 0
    for name in ("alice",):
        done = command("passwd", "-c", "-b", tmp_path / "passwd", name, SECRETS["password of a client"])
        assert done.returncode == 0, done.stderr
    (tmp_path / "signing").write_text(SECRETS["shared secret of tokens"])
    (tmp_path / "signing").chmod(0o600)
    (tmp_path / "acl.yaml").write_text('rules:\n  - { publish: "t/#", subscribe: "t/#" }\n')
    environment = {"ZQ_TOKEN": SECRETS["header for the collector"],
                   "ZQ_UNUSED": SECRETS["variable of the environment"]}
    with Collector() as collector:
        config = CONFIG.format(form=form, build=BUILD, url=collector.url)
        broker = serve("--data-dir", tmp_path / "data", config=config, ephemeral=False, env=environment)
        tokens = use(broker, tmp_path)
        # A key that is none is told of, not shown.
        (tmp_path / "certs" / "server.key").write_text(SECRETS["private key"])
        answers = list(ask(broker, tmp_path))
        broken = config.replace("ratio: 1", "ratio: zq")
        (tmp_path / "plugins.yaml").write_text(broken)
        answers += list(ask(broker, tmp_path))
        spans = collector.wait(lambda: [span for span in collector.spans() if span.name == "publish"])
        broker.stop()
    assert spans and collector.requests[0][1]["Authorization"] == SECRETS["header for the collector"]
    said = {"log": broker.log.text(), "stdout": broker.out.text(), "the tool": "\n".join(answers),
            "ports file": json.dumps(broker.ports), "spans": repr(collector.spans())}
    leaks = []
    for place, text in said.items():
        assert text
        for secret in PLAIN + tokens:
            # A correlation id is what spans are found by.
            if place == "spans" and secret == SECRETS["correlation data"]:
                continue
            for form in forms(secret):
                if form in text:
                    line = next(line for line in text.splitlines() if form in line)
                    leaks.append(f"{place} holds {secret!r}: {line[:300]}")
    assert not leaks, "\n".join(leaks)
    # What was looked at is what there is to look at.
    for event in ("client.connected", "client.refused", "authz.publish_denied", "client.disconnected"):
        assert re.search(event, said["log"]), event
