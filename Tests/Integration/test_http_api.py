"""The HTTP server itself and the administration behind it."""

import http.client
import json
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from broker import DEADLINE, command
from client import V311, Client
from http_api import API, needs_http

pytestmark = needs_http

CONFIG = """\
broker:
  data_dir: data
  listeners: { tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true } }
plugins:
  - { id: http, config: { bind: "127.0.0.1:0", health_bind: "127.0.0.1:0"%s } }
"""


@pytest.fixture
def broker(serve, threads):
    return serve(threads=threads, config=CONFIG % "")


@pytest.fixture
def api(broker):
    return API(broker)


# Health


@pytest.mark.parametrize("server", ["api", "health"])
def test_health_and_readiness(broker, server):
    api = API(broker, server)
    assert api.get("/health").json["status"] == "ok"
    reply = api.get("/ready")
    assert reply.status == 200 and reply.json["ready"] is True and reply.json["status"] == "ready"
    assert api.get("/cluster/status").json["mode"] == "standalone"
    assert api.request("HEAD", "/health").body == b""


def test_the_server_for_health_has_nothing_else(broker):
    health = API(broker, "health")
    for path in ("/api/v1/clients", "/publish", "/subscribe?filter=a", "/api/v1/openapi.json"):
        assert health.get(path).status == 404
    assert health.post("/publish?topic=a", b"x").status == 404


def test_plugins_list_says_where_it_listens(broker, api):
    listed = json.loads(command("plugins", "list", "--json", cwd=broker.folder).stdout or "{}")
    assert api.url.startswith("http://127.0.0.1:")
    assert api.url in json.dumps(broker.ports)
    assert isinstance(listed, (dict, list))


# The server


def test_paths_and_methods_that_are_not_there(api):
    reply = api.get("/nothing")
    assert reply.status == 404 and reply.headers["Content-Type"] == "application/problem+json"
    reply = api.request("PUT", "/publish")
    assert reply.status == 405 and reply.headers["Allow"] == "POST"
    assert api.request("POST", "/health").headers["Allow"] == "GET, HEAD"
    assert api.request("OPTIONS", "/publish").status == 405


@pytest.mark.parametrize("host, status", [
    ("localhost:1", 200), ("127.0.0.1", 200), ("[::1]:80", 200), ("evil.example", 421), ("", 400), ("a:b:c", 421),
    ("127.0.0.1.evil.example", 421),
])
def test_the_header_host_is_checked(api, host, status):
    assert api.get("/health", Host=host).status == status


def test_pages_of_strangers_may_do_nothing(broker, api):
    own = f"http://{api.host}:{api.port}"
    assert api.get("/health", Origin=own).status == 200
    for origin in ("http://evil.example", "null", own.replace("http:", "https:"), f"http://{api.host}:1"):
        reply = api.post("/publish?topic=a", b"x", {"Origin": origin})
        assert reply.status == 403 and "Access-Control-Allow-Origin" not in reply.headers


def test_sites_that_may_are_listed(serve):
    api = API(serve(config=CONFIG % ", origins: [ 'https://app.example' ]"))
    reply = api.post("/publish?topic=a", b"x", {"Origin": "https://app.example"})
    assert reply.status == 200 and reply.headers["Access-Control-Allow-Origin"] == "https://app.example"
    reply = api.request("OPTIONS", "/publish", headers={"Origin": "https://app.example"})
    assert reply.status == 204 and "POST" in reply.headers["Access-Control-Allow-Methods"]


def test_a_header_over_the_limit_is_refused(api):
    with socket.create_connection((api.host, api.port), DEADLINE) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20_000 + b"\r\n\r\n")
        answer = connection.recv(100)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize("bytes", [
    b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://x/ HTTP/1.1\r\nHost: localhost\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST /publish?topic=a HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    b"POST /publish?topic=a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /publish?topic=a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
])
def test_what_is_no_request_ends_in_4xx_or_the_end(broker, api, bytes):
    with socket.create_connection((api.host, api.port), DEADLINE) as connection:
        connection.sendall(bytes)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(4096):
            answer += chunk
    assert answer == b"" or answer.split()[1].startswith(b"4"), answer
    assert api.get("/health").status == 200


def test_a_request_that_trickles_in_is_cut_off(serve):
    api = API(serve(config=CONFIG % ", timeout: 200ms"))
    for start in (b"GET /health HTTP/1.1\r\nHost: loc",
                  b"POST /publish?topic=a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nab"):
        with socket.create_connection((api.host, api.port), DEADLINE) as connection:
            connection.sendall(start)
            answer = b""
            while chunk := connection.recv(4096):
                answer += chunk
            assert b" 200 " not in answer


def test_connections_are_kept_and_requests_follow_each_other(api):
    connection = api.connection()
    for _ in range(3):
        connection.request("POST", "/publish?topic=a", b"x")
        response = connection.getresponse()
        assert response.status == 200 and json.loads(response.read())
    connection.close()


# Log-in and roles


def test_tokens_open_what_their_role_says(serve, tmp_path):
    made = {role: command("token", "create", "--file", tmp_path / "api-tokens", "--role", role, role).stdout.strip()
            for role in ("read", "operate")}
    expired = command("token", "create", "--file", tmp_path / "api-tokens", "--ttl", "1s", "short").stdout.strip()
    broker = serve(config=CONFIG % ", require_login: true")
    read, operate = API(broker, token=made["read"]), API(broker, token=made["operate"])
    assert read.get("/api/v1/clients").status == operate.get("/api/v1/clients").status == 200
    assert read.delete("/api/v1/clients/nobody").status == 403
    assert operate.delete("/api/v1/clients/nobody").status == 404
    assert API(broker).get("/api/v1/clients").status == 401
    assert API(broker).get("/health").status == 200
    assert expired.startswith("hlt_")

    assert command("token", "revoke", "--file", tmp_path / "api-tokens", "read").returncode == 0
    broker.log.wait(r"http\.reloaded.*2 tokens")
    assert read.get("/api/v1/clients").status == 401


def test_the_token_file_tells_no_token(tmp_path):
    file = tmp_path / "api-tokens"
    token = command("token", "create", "--file", file, "--role", "operate", "--ttl", "30d").stdout.strip()
    assert token not in file.read_text() and file.stat().st_mode & 0o777 == 0o600
    assert "token-1\toperate\texpires in 7" in command("token", "list", "--file", file).stdout
    assert command("token", "create", "--file", file, "token-1").returncode == 1
    assert command("token", "revoke", "--file", file, "other").returncode == 1
    assert command("token", "create", "--file", file, "--role", "root").returncode == 2
    assert command("token", "create", "--file", file, "--ttl", "soon").returncode == 2


def test_users_have_the_roles_of_their_names(serve, tmp_path):
    for name in ("root", "viewer", "alice"):
        create = ["-c"] if name == "root" else []
        assert command("passwd", "-b", *create, tmp_path / "passwd", name, "pw").returncode == 0
    broker = serve(config="""\
broker:
  listeners: { tcp: { url: "mqtt://127.0.0.1:0" } }
plugins:
  - { id: auth, config: { sources: [ { password_file: passwd } ] } }
  - { id: http, config: { bind: "127.0.0.1:0", health_bind: "", operators: [root], readers: [viewer] } }
""")
    root, viewer, alice = (API(broker, user=(name, "pw")) for name in ("root", "viewer", "alice"))
    assert [api.get("/api/v1/clients").status for api in (root, viewer, alice)] == [200, 200, 403]
    assert [api.delete("/api/v1/sessions/x").status for api in (root, viewer, alice)] == [404, 403, 403]
    assert API(broker, user=("root", "no")).get("/api/v1/clients").status == 401


def test_a_log_in_is_shared_by_requests(serve, tmp_path):
    assert command("passwd", "-c", "-b", tmp_path / "passwd", "alice", "pw").returncode == 0
    broker = serve(config="""\
broker:
  listeners: { tcp: { url: "mqtt://127.0.0.1:0" } }
plugins:
  - { id: auth, config: { sources: [ { password_file: passwd } ] } }
  - { id: http, config: { bind: "127.0.0.1:0", health_bind: "", operators: [alice] } }
""")
    alice = API(broker, user=("alice", "pw"))
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: alice.post("/publish?topic=a").status, range(64))) == {200}
    own = [c for c in alice.get("/api/v1/clients").json["items"] if c["client_id"].startswith("http-")]
    assert len(own) == 1 and own[0]["username"] == "alice" and own[0]["address"].startswith("127.0.0.1:")


def test_off_loopback_log_in_is_required(serve):
    broker = serve(config=(CONFIG % "").replace('bind: "127.0.0.1:0", h', 'bind: "0.0.0.0:0", h'), ephemeral=False)
    api = API(broker)
    assert api.get("/api/v1/clients").status == 401
    assert api.post("/publish?topic=a", b"x").status == 401
    assert api.get("/health").status == 200


def test_tls(serve, tmp_path):
    assert command("certs", "init", tmp_path / "certs").returncode == 0
    broker = serve(config=CONFIG % ", cert: certs/server.pem, key: certs/server.key")
    api = API(broker, cafile=str(tmp_path / "certs" / "ca.pem"))
    assert api.url.startswith("https://")
    assert api.get("/health").status == 200
    assert api.post("/publish?topic=a", b"x").status == 200
    plain = API(broker)
    with pytest.raises((http.client.HTTPException, OSError)):
        plain.get("/health")


@pytest.mark.parametrize("setting, word", [
    ("bind: here", "not an address"), ("anonymous_role: root", "neither operate"), ("max_body: 0", "from 1"),
    ("cert: certs/server.pem", "both"), ('bind: "0.0.0.0:8080", require_login: false', "log-in is required"),
])
def test_settings_are_checked(serve, setting, word):
    broker = serve(config="broker: { data_dir: data,"
                          " listeners: { tcp: { url: 'mqtt://127.0.0.1:0', allow_anonymous: true } } }\n"
                          f"plugins: [ {{ id: http, config: {{ {setting} }} }} ]\n", ready=False, ephemeral=False)
    assert broker.wait() == 78
    assert word in broker.log.text()


# Administration


def test_clients_and_sessions(broker, api):
    with Client(broker, "dev-17", clean=False, expiry=3600, keep_alive=60) as client:
        client.subscribe("a/#", 1)
        listed = api.get("/api/v1/clients?connected=true&limit=1000").json
        mine = [item for item in listed["items"] if item["client_id"] == "dev-17"]
        assert len(mine) == 1
        assert (mine[0]["keep_alive"], mine[0]["subscriptions"], mine[0]["protocol"]) == (60, 1, "5.0")
        assert mine[0]["session_expiry_interval"] == 3600 and mine[0]["listener"] == "tcp"
        assert api.get("/api/v1/clients/dev-17").json["client_id"] == "dev-17"
        subscriptions = api.get("/api/v1/subscriptions?client_id=dev-17").json["items"]
        assert [(s["filter"], s["qos"]) for s in subscriptions] == [("a/#", 1)]

        assert api.delete("/api/v1/clients/dev-17?reason_code=0x98").status == 204
        assert client.disconnected.wait(DEADLINE) and client.disconnect_code == 0x98
    assert api.get("/api/v1/sessions/dev-17").json["connected"] is False
    assert api.delete("/api/v1/sessions/dev-17").status == 204
    assert api.get("/api/v1/sessions/dev-17").status == 404
    assert api.delete("/api/v1/sessions/dev-17").status == 404


def test_pages_tell_each_session_once(broker, api):
    names = [f"s/{number} ä" for number in range(25)]
    for name in names:
        with Client(broker, name, clean=False, expiry=3600):
            pass
    seen, cursor = [], ""
    while cursor is not None:
        page = api.get(f"/api/v1/sessions?limit=4{'&cursor=' + quote(cursor) if cursor else ''}").json
        assert len(page["items"]) <= 4 and page["total"] == len(names)
        seen += [item["client_id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert sorted(seen) == sorted(names)
    assert api.get("/api/v1/sessions/" + quote(names[0], safe="")).json["client_id"] == names[0]


def test_retained_messages_are_found_and_cleared(api):
    for topic in ("a/b", "a/c", "d"):
        assert api.post(f"/publish?topic={topic}&retain=true", topic.encode()).status == 200
    assert sorted(i["topic"] for i in api.get("/api/v1/retained?filter=a/%23").json["items"]) == ["a/b", "a/c"]
    one = api.get("/api/v1/retained/a%2Fb").json
    assert (one["payload"], one["payload_encoding"]) == ("a/b", "plain")
    assert api.delete("/api/v1/retained/a%2Fb").status == 204
    assert api.get("/api/v1/retained/a%2Fb").status == 404


def test_topics(broker, api):
    with Client(broker, "one") as one:
        one.subscribe("a/+", 1)
        assert api.post("/publish?topic=a/b&retain=true", b"x").status == 200
        for path in ("/api/v1/topics?topic=a/b", "/api/v1/topics/a%2Fb/stats"):
            found = api.get(path).json
            assert found["topic"] == "a/b" and found["subscribers"] == 1 and found["retained"]["topic"] == "a/b"
    assert [item["topic"] for item in api.get("/api/v1/topics").json["items"]] == ["a/b"]


def test_the_broker_describes_itself(broker, api):
    assert api.get("/api/v1/status").json["state"] == "ready"
    assert [item["name"] for item in api.get("/api/v1/listeners").json["items"]] == ["tcp"]
    assert "http" in [item["id"] for item in api.get("/api/v1/plugins").json["items"]]
    settings = api.get("/api/v1/config").json["settings"]
    assert any(item["path"] == "broker.log.level" and "origin" in item for item in settings)


def test_a_reload_that_is_refused_says_where(broker, api):
    path = broker.folder / "plugins.yaml"
    good = path.read_text()
    path.write_text(good.replace("broker:\n", "broker:\n  limits: { max_packet_sise: 1MiB }\n"))
    reply = api.post("/api/v1/reload")
    assert reply.status == 422 and reply.json["title"] == "Configuration refused"
    error = reply.json["errors"][0]
    assert error["file"].endswith("plugins.yaml") and error["line"] == 2 and error["column"] == 13
    assert "max_packet_sise" in error["message"]
    path.write_text(good.replace("broker:\n", "broker:\n  log: { level: debug }\n"))
    reply = api.post("/api/v1/reload")
    assert reply.status == 200 and "broker.log.level" in reply.json["changed"], reply


def test_test_mode_alone_has_the_test_endpoints(serve, tmp_path):
    (tmp_path / "b").mkdir()
    api = API(serve(config=CONFIG % ""))
    assert api.post("/test/reset").status == 403
    broker = serve("--test-mode", config=CONFIG % "", folder=tmp_path / "b")
    api = API(broker)
    assert api.post("/publish?topic=a&retain=true", b"x").status == 200
    with Client(broker, "s", clean=False, expiry=3600):
        pass
    assert api.post("/test/settle").status == 204
    assert api.post("/test/reset").status == 204
    assert api.get("/api/v1/retained").json["items"] == []
    assert "s" not in [item["client_id"] for item in api.get("/api/v1/sessions").json["items"]]


# The description


def test_the_description_names_everything(api):
    document = api.get("/api/v1/openapi.json").json
    assert document["openapi"].startswith("3.1")
    assert {"/publish", "/subscribe", "/api/v1/clients/{client_id}", "/ready"} <= set(document["paths"])
    assert set(document["paths"]["/api/v1/clients/{client_id}"]) == {"get", "delete"}


def test_schemathesis_finds_nothing(broker, api, tmp_path):
    pytest.importorskip("schemathesis")
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", api.url + "/api/v1/openapi.json", "--max-examples", "15",
         "--seed", "7", "--workers", "1", "--request-timeout", "10",
         "--exclude-path-regex", "^/(subscribe|test/|api/v1/plugins/|api/v1/config/)"],
        cwd=tmp_path, capture_output=True, text=True, timeout=80)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


# The plugin in the broker


def test_a_stop_ends_open_streams_at_once(broker, api):
    with api.subscribe("filter=a") as events:
        broker.stop()
        with pytest.raises((EOFError, ConnectionError)):
            events.event()


def test_new_settings_are_taken_up_while_streams_go_on(serve):
    broker = serve(config=CONFIG % "", ephemeral=False)
    api = API(broker)
    with api.subscribe("filter=a") as events:
        (broker.folder / "plugins.yaml").write_text(CONFIG % ", max_body: 2KiB")
        assert api.post("/api/v1/reload").status == 200
        assert api.post("/publish?topic=a", b"x" * 3000).status == 413
        assert api.post("/publish?topic=a", b"x").status == 200
        assert events.message()["payload"] == "x"


def test_new_code_takes_the_ports_over(serve, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = CONFIG.replace("plugins:", "  reload: { probation: 0s }\nplugins:").replace(
        'bind: "127.0.0.1:0", h', f'bind: "127.0.0.1:{port}", h')
    broker = serve(config=config % "", ephemeral=False)
    api = API(broker)
    assert command("plugins", "reload", "http", "--config", broker.folder / "plugins.yaml").returncode == 0
    plugin = [p for p in command_json(broker)["plugins"] if p["id"] == "http"][0]
    assert plugin["generation"] == 2
    end = time.monotonic() + DEADLINE
    while True:
        try:
            if api.get("/health").status == 200:
                break
        except OSError:
            assert time.monotonic() < end, "nobody answers any more"


def command_json(broker):
    done = command("plugins", "list", "--json", "--config", broker.folder / "plugins.yaml")
    return json.loads(done.stdout)
