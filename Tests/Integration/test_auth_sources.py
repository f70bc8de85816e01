"""Sources of log-ins that are programs of their own: a web service, a database. And SCRAM, where clients compute."""

import base64
import hashlib
import hmac
import http.server
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from broker import DEADLINE, command
from client import Client, Refused
from wire import Wire, integer, packet, string

BROKER = """\
broker:
  listeners: { tcp: { url: "mqtt://127.0.0.1:0" } }
plugins:
  - id: auth
    config:
      sources:
"""
ACL = '  - { id: acl, config: { file: acl.yaml } }\n'
BUSY = 0x89


def refused(broker, **credentials):
    with pytest.raises(Refused) as problem:
        Client(broker, **credentials).connect()
    return problem.value.code


# ---- a web service


class Service:
    """An HTTP server on a free port; `answer` is what it says to each request."""

    def __init__(self):
        self.requests = []
        self.connections = 0
        self.answer = lambda request: (204, b"")
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                service.connections += 1

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.requests.append(json.loads(body))
                self.reply(*service.answer(service.requests[-1]))

            def do_GET(self):
                service.requests.append(None)
                self.reply(*service.answer(None))

            def reply(self, status, body, headers=()):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                for name, value in headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def service():
    made = Service()
    yield made
    made.close()


def test_a_web_service_decides(serve, threads, service, tmp_path):
    def answer(request):
        if request["username"] == "alice" and request["password"] == 'won"der\n':
            return 200, b'{"result":"allow","groups":["ops"],"account":"acme"}'
        return (404, b"") if request["username"] == "unknown" else (403, b"")

    service.answer = answer
    (tmp_path / "acl.yaml").write_text('rules:\n  - { group: ops, publish: "%a/#", subscribe: "%a/#" }\n')
    broker = serve(threads=threads, config=f'{BROKER}        - http: {{ url: "{service.url}", timeout: 2s }}\n{ACL}')
    with Client(broker, "c1", username="alice", password='won"der\n') as client:
        client.subscribe("acme/#", 1)
        client.publish("acme/x", b"x", 1)
        assert client.receive().payload == b"x"
    assert service.requests[0]["client_id"] == "c1" and service.requests[0]["address"].startswith("127.0.0.1:")
    assert refused(broker, username="alice", password="wrong") == 0x86
    assert refused(broker, username="unknown", password="x") == 0x86


def test_an_acceptance_is_remembered_if_asked_for(serve, service):
    broker = serve(config=f'{BROKER}        - http: {{ url: "{service.url}", cache: 1h }}\n')
    for _ in range(3):
        with Client(broker, "c1", username="alice", password="wonder"):
            pass
    assert len(service.requests) == 1
    with Client(broker, "c1", username="alice", password="other"):
        pass
    with Client(broker, "c2", username="alice", password="wonder"):
        pass
    assert len(service.requests) == 3, "other credentials, and other clients, are another question"


def test_a_service_that_is_down_is_not_a_wrong_password(serve, service):
    service.answer = lambda _: (500, b"")
    broker = serve(config=f'{BROKER}        - http: {{ url: "{service.url}" }}\n')
    for _ in range(8):
        assert refused(broker, username="alice", password="wonder") == BUSY
    assert len(service.requests) == 5, "then nobody asks for a while"


def log_in(client_id, username="alice", password="wonder"):
    """A CONNECT packet."""
    head = string("MQTT") + bytes([5, 0xC2, 0, 60, 0])
    return packet(1, head + string(client_id) + string(username) + string(password))


def test_many_log_ins_are_asked_about_at_once(serve, service):
    """Nobody is answered before all have asked: a thread for each would run out of them."""
    count = 30
    everybody = threading.Barrier(count)

    def answer(_):
        everybody.wait(DEADLINE)
        return 204, b""

    service.answer = answer
    broker = serve(config=f'{BROKER}        - http: {{ url: "{service.url}", timeout: 4s, max_concurrent: {count} }}\n')
    wires = [Wire(broker, log_in(f"c{number}")) for number in range(count)]
    assert [wire.expect(2)[1] for wire in wires] == [0] * count
    for wire in wires:
        wire.close()


def test_more_than_may_be_asked_at_once_wait_their_turn(serve, service):
    running, most, lock = 0, 0, threading.Lock()

    def answer(_):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        with lock:
            running -= 1
        return 204, b""

    service.answer = answer
    broker = serve(config=f'{BROKER}        - http: {{ url: "{service.url}", max_concurrent: 2 }}\n')
    wires = [Wire(broker, log_in(f"c{number}")) for number in range(40)]
    assert [wire.expect(2)[1] for wire in wires] == [0] * 40
    assert len(service.requests) == 40 and most <= 2
    assert service.connections <= 2, "and over the same connections"
    for wire in wires:
        wire.close()


def test_a_slow_service_delays_nobody_else_and_ends_with_its_time_out(serve, service, tmp_path):
    release = threading.Event()
    service.answer = lambda _: (204 if release.wait(DEADLINE) else 500, b"")
    assert command("passwd", "-c", "-b", "--scheme", "pbkdf2", tmp_path / "passwd", "bob", "builder").returncode == 0
    broker = serve(config=f"""{BROKER}        - password_file: passwd
        - http: {{ url: "{service.url}", timeout: 500ms }}
""")
    with Wire(broker, log_in("slow")) as slow:
        with Client(broker, username="bob", password="builder"):
            pass
        assert slow.expect(2)[1] == BUSY
    broker.log.wait(r"auth\.refused .*does not answer: .*[Tt]imeout")
    release.set()


@pytest.mark.parametrize("status, body, headers", [
    (302, b"", [("Location", "http://127.0.0.1:1/")]), (200, b"x" * 70_000, []), (200, b'{"result":"allow"', []),
    (200, b'{"result":"deny","result":"allow"}', [])], ids=["redirection", "too long", "cut off", "two answers"])
def test_what_is_no_answer_lets_nobody_in(serve, service, status, body, headers):
    service.answer = lambda _: (status, body, headers)
    broker = serve(config=f'{BROKER}        - http: {{ url: "{service.url}" }}\n')
    assert refused(broker, username="alice", password="wonder") == BUSY
    assert len(service.requests) == 1


@pytest.mark.parametrize("url", [
    "http://id.example/login", "ftp://127.0.0.1/", "http://127.0.0.1.example/", "file:///etc/passwd"])
def test_passwords_travel_encrypted_or_not_at_all(serve, url):
    broker = serve(config=f'{BROKER}        - http: {{ url: "{url}" }}\n', ready=False)
    assert broker.wait() == 78
    assert "begins with https://" in broker.log.text()


def test_keys_are_fetched_when_a_token_needs_them(serve, service):
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_numbers()

    def part(number):
        return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()

    jwks = {"keys": [{"kty": "EC", "crv": "P-256", "kid": "one", "x": part(public.x), "y": part(public.y)}]}
    service.answer = lambda _: (200, json.dumps(jwks).encode())
    broker = serve(config=f'{BROKER}        - jwt: {{ jwks_url: "{service.url}" }}\n')
    claims = {"sub": "alice", "exp": int(time.time()) + 300}
    for _ in range(2):
        with Client(broker, username="x", password=jwt.encode(claims, key, "ES256", headers={"kid": "one"})):
            pass
    assert refused(broker, username="x", password=jwt.encode(claims, key, "ES256", headers={"kid": "two"})) == 0x86
    assert len(service.requests) == 1, "kept; and an unknown name does not make it ask again at once"


def jwks_and_key():
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_numbers()
    x, y = (base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()
            for number in (public.x, public.y))
    return {"keys": [{"kty": "EC", "crv": "P-256", "kid": "one", "x": x, "y": y}]}, key


def test_keys_that_cannot_be_fetched_make_no_token_wrong(serve, service):
    jwks, key = jwks_and_key()
    service.answer = lambda _: (503, b"")
    broker = serve(config=f'{BROKER}        - jwt: {{ jwks_url: "{service.url}" }}\n')
    good = jwt.encode({"sub": "alice", "exp": int(time.time()) + 300}, key, "ES256", headers={"kid": "one"})
    assert refused(broker, username="x", password=good) == BUSY
    broker.log.wait(r"auth\.keys_not_fetched .*status 503")


def test_a_published_secret_signs_nothing(serve, service):
    """A shared secret in a key set that anybody can read is known to everybody."""
    jwks, key = jwks_and_key()
    secret = b"0123456789abcdef0123456789abcdef"
    jwks["keys"].append({"kty": "oct", "kid": "two", "k": base64.urlsafe_b64encode(secret).rstrip(b"=").decode()})
    service.answer = lambda _: (200, json.dumps(jwks).encode())
    broker = serve(config=f'{BROKER}        - jwt: {{ jwks_url: "{service.url}" }}\n')
    claims = {"sub": "alice", "exp": int(time.time()) + 300}
    with Client(broker, username="x", password=jwt.encode(claims, key, "ES256", headers={"kid": "one"})):
        pass
    forged = jwt.encode(claims, secret, "HS256", headers={"kid": "two"})
    assert refused(broker, username="x", password=forged) == 0x86


# ---- PostgreSQL


@pytest.fixture
def database():
    """A PostgreSQL of its own on a local socket, ended with the test. It refuses to run as root."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert binaries, "no PostgreSQL here; scripts/setup.sh test installs it"
    folder = Path(tempfile.mkdtemp(prefix="hookline-pg-"))
    as_user = []
    if os.getuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    environment = {**os.environ, "LC_ALL": "C", "HOME": str(folder)}

    def run(program, *arguments):
        return subprocess.run(
            [*as_user, binaries[-1] / program, *arguments], env=environment, cwd=folder, check=True, timeout=60,
            capture_output=True)

    run("initdb", "-D", folder / "data", "-U", "broker", "-A", "trust", "--no-sync", "-E", "UTF8")
    settings = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    run("pg_ctl", "-D", folder / "data", "-o", settings, "-l", folder / "log", "-w", "start")

    def query(text):
        run("psql", "-h", folder, "-U", "broker", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-c", text)

    class Server:
        @staticmethod
        def start():
            run("pg_ctl", "-D", folder / "data", "-o", settings, "-l", folder / "log", "-w", "start")

        @staticmethod
        def stop():
            run("pg_ctl", "-D", folder / "data", "-m", "immediate", "-w", "stop")

        @staticmethod
        def signal(number):
            """To the server and its children, which are ours."""
            parent = int((folder / "data/postmaster.pid").read_text().split()[0])
            for pid in [parent, *map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())]:
                os.kill(pid, number)

    yield folder, query, Server
    subprocess.run(
        [*as_user, binaries[-1] / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop"], env=environment,
        cwd=folder, capture_output=True, timeout=60, check=False)
    shutil.rmtree(folder, ignore_errors=True)


def test_a_table_decides(serve, threads, database, tmp_path):
    folder, query, server = database
    assert command("passwd", "-c", "-b", "--scheme", "pbkdf2", tmp_path / "made", "alice", "wonder").returncode == 0
    hashed = (tmp_path / "made").read_text().strip().split(":", 1)[1]
    query("CREATE TABLE users (name text PRIMARY KEY, hash text, groups text, account text)")
    query(f"INSERT INTO users VALUES ('alice', '{hashed}', 'ops staff', 'acme'), ('broken', 'clear', NULL, NULL)")
    (tmp_path / "database.secret").write_text(f"host={folder} dbname=postgres user=broker\n")
    (tmp_path / "acl.yaml").write_text('rules:\n  - { group: staff, publish: "%a/#", subscribe: "%a/#" }\n')
    broker = serve(threads=threads, config=BROKER + ACL.replace("  - ", """\
        - postgres:
            connection_file: database.secret
            query: "SELECT hash, groups, account FROM users WHERE name = $1"
  - """, 1))
    for _ in range(2):
        with Client(broker, username="alice", password="wonder") as client:
            client.subscribe("acme/#", 1)
            client.publish("acme/x", b"x", 1)
            assert client.receive().payload == b"x"
    for user, password in (
            ("alice", "wrong"), ("broken", "clear"), ("nobody", "x"), ("' OR true --", "x"), ("alice' --", "wonder")):
        assert refused(broker, username=user, password=password) == 0x86
    query("INSERT INTO users SELECT 'bob', hash, groups, account FROM users WHERE name = 'alice'")
    with Client(broker, username="bob", password="wonder"):
        pass
    server.stop()
    assert refused(broker, username="alice", password="wonder") == BUSY
    server.start()
    with Client(broker, username="alice", password="wonder"):
        pass


def test_a_database_that_hangs_is_given_up(serve, database, tmp_path):
    """It accepts connections and says nothing: no error comes from the network."""
    folder, query, server = database
    for create, user in ((["-c"], "alice"), ([], "bob")):
        made = command("passwd", *create, "-b", "--scheme", "pbkdf2", tmp_path / "made", user, "wonder")
        assert made.returncode == 0
    hashed = (tmp_path / "made").read_text().splitlines()[0].split(":", 1)[1]
    query("CREATE TABLE users (name text PRIMARY KEY, hash text)")
    query(f"INSERT INTO users VALUES ('alice', '{hashed}')")
    (tmp_path / "passwd").write_text((tmp_path / "made").read_text().splitlines()[1] + "\n")
    broker = serve(config=f"""{BROKER}        - password_file: passwd
        - postgres: {{ connection: "host={folder} dbname=postgres user=broker",
                       query: "SELECT hash FROM users WHERE name = $1" }}
""")
    with Client(broker, username="alice", password="wonder"):
        pass
    server.signal(signal.SIGSTOP)
    try:
        with Wire(broker, log_in("c1", "alice")) as stuck:
            with Client(broker, username="bob", password="wonder"):
                pass
            assert stuck.expect(2)[1] == BUSY
    finally:
        server.signal(signal.SIGCONT)
    broker.log.wait(r"auth\.refused .*does not answer: no answer in time")
    with Client(broker, username="alice", password="wonder"):
        pass


# ---- SCRAM


def method_and_data(data):
    inner = b"\x15" + string("SCRAM-SHA-256") + b"\x16" + string(data)
    return integer(len(inner)) + inner


def authentication_data(body):
    """Of the packet's properties: what stands behind the identifier 0x16."""
    at = body.index(b"\x15" + string("SCRAM-SHA-256"))
    rest = body[at + 3 + len("SCRAM-SHA-256"):]
    at = rest.index(b"\x16")
    return rest[at + 3:at + 3 + int.from_bytes(rest[at + 1:at + 3], "big")]


def scram(broker, user, password):
    """The client's side of RFC 7677. The CONNACK's reason code, and whether the server has proved itself."""
    bare = f"n={user},r=rOprNGfwEbeRWgbNEkqO"
    connect = string("MQTT") + bytes([5, 2, 0, 60]) + method_and_data("n,," + bare) + string("scram-client")
    with Wire(broker, packet(1, connect)) as wire:
        first = authentication_data(wire.expect(15)).decode()
        fields = dict(field.split("=", 1) for field in first.split(","))
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        without_proof = f"c=biws,r={fields['r']}"
        conversation = f"{bare},{first},{without_proof}".encode()
        signature = hmac.digest(hashlib.sha256(client_key).digest(), conversation, "sha256")
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(client_key, signature))).decode()
        wire.send(packet(15, b"\x18" + method_and_data(f"{without_proof},p={proof}")))
        body = wire.expect(2)
        if body[1]:
            return body[1], False
        server = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), conversation, "sha256")
        return 0, authentication_data(body) == b"v=" + base64.b64encode(server)


def test_scram_proves_both_sides(serve, threads, tmp_path):
    assert command("passwd", "-c", "-b", "--scheme", "scram", tmp_path / "passwd", "alice", "wonder").returncode == 0
    assert command("passwd", "-b", tmp_path / "passwd", "bob", "builder").returncode == 0
    broker = serve(threads=threads, config=BROKER + "        - password_file: passwd\n")
    assert scram(broker, "alice", "wonder") == (0, True)
    assert scram(broker, "alice", "wrong") == (0x87, False)
    assert scram(broker, "nobody", "wonder") == (0x87, False)
    assert scram(broker, "bob", "builder") == (0x87, False), "not kept for SCRAM"
    with Client(broker, username="alice", password="wonder"), Client(broker, username="bob", password="builder"):
        pass
