"""/metrics on the plugin's own port, read as Prometheus reads it."""

import socket

import pytest

from broker import BUILD, DEADLINE, command
from client import Client
from scrape import Metrics, get

CONFIG = """\
broker:
  listeners: {{ tcp: {{ url: "mqtt://127.0.0.1:0", allow_anonymous: true }} }}
plugins:
  - {{ id: metrics, path: {plugin}, config: {{ bind: "localhost:9883"{more} }} }}
"""


def config(more=""):
    return CONFIG.format(plugin=BUILD / "libmetrics.so", more=more)


def url_of(broker):
    return broker.ports["plugins"]["metrics"]["metrics"]


@pytest.fixture
def measured(serve, threads):
    return serve(threads=threads, config=config())


def test_counts_what_clients_do(measured):
    url = url_of(measured)
    with Client(measured, "sub") as subscriber, Client(measured, "pub") as publisher:
        for qos in range(3):
            subscriber.subscribe(f"m/{qos}", qos)
        for qos in range(3):
            for _ in range(qos + 2):
                publisher.publish(f"m/{qos}", b"x" * 100, qos)
        for _ in range(2 + 3 + 4):
            subscriber.receive()
        metrics = Metrics.of(url)
        for qos in range(3):
            assert metrics("hookline_messages_received_total", qos=str(qos)) == qos + 2
            assert metrics("hookline_messages_sent_total", qos=str(qos)) == qos + 2
        assert metrics("hookline_subscriptions") == 3
        assert metrics("hookline_connections") == 2


def test_an_ephemeral_broker_takes_a_free_port_and_tells_it(measured):
    assert url_of(measured).startswith("http://127.0.0.1:") and ":9883/" not in url_of(measured)


def test_both_text_forms(measured):
    status, headers, body = get(url_of(measured))
    assert (status, headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert not body.endswith("# EOF\n")
    status, headers, body = get(url_of(measured), accept="application/openmetrics-text;version=1.0.0")
    assert (status, headers["Content-Type"]) == (200, "application/openmetrics-text; version=1.0.0; charset=utf-8")
    assert body.endswith("# EOF\n")
    assert "# TYPE hookline_messages_received counter\n" in body


def test_a_connection_serves_one_request_after_the_other(measured):
    with socket.create_connection((measured.host, int(url_of(measured).split(":")[2].split("/")[0])), DEADLINE) as s:
        request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
        s.sendall(request + request + b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answers = b""
        while got := s.recv(65536):
            answers += got
        assert answers.count(b"HTTP/1.1 200 OK\r\n") == 3


@pytest.mark.parametrize("path, method, headers, status", [
    ("/metrics", "HEAD", {}, 200), ("/metrics", "DELETE", {}, 405), ("/", "GET", {}, 404),
    ("/metricsx", "GET", {}, 404), ("/metrics", "GET", {"Host": "evil.example"}, 403),
    ("/metrics", "POST", {"Content-Length": "3"}, 413),
])
def test_what_else_may_be_asked(measured, path, method, headers, status):
    url = url_of(measured).removesuffix("/metrics") + path
    assert get(url, method=method, **headers)[0] == status


def test_a_port_that_is_taken_is_a_clear_refusal(serve, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = config().replace("localhost:9883", f"127.0.0.1:{port}")
        broker = serve("--data-dir", tmp_path / "data", config=text, ephemeral=False, ready=False)
        assert broker.wait() == 78
        assert f"cannot listen on 127.0.0.1:{port}" in broker.log.text()


def test_a_bad_address_is_told_with_its_place(serve):
    broker = serve(config=config().replace("localhost:9883", "9883"), ready=False)
    assert broker.wait() == 78
    assert "'9883' is not an address" in broker.log.text() and "plugins.yaml:4:" in broker.log.text()


def test_a_new_generation_takes_the_port_over(serve, tmp_path):
    """Scrapes go on while the plugin is swapped."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    text = config().replace("localhost:9883", f"127.0.0.1:{port}").replace("broker:\n", "broker:\n  data_dir: data\n")
    serve(config=text, ephemeral=False)
    url = f"http://127.0.0.1:{port}/metrics"
    for generation in ("1", "2", "3"):
        assert Metrics.of(url)("hookline_plugin_info", plugin="metrics", generation=generation) == 1
        done = command("reload", "metrics", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert Metrics.of(url)("hookline_plugin_reloads_total", plugin="metrics", result="succeeded") == 3
