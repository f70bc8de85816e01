"""A real Prometheus scrapes the broker, with the alerts and for the dashboard under deploy/."""

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.parse

import pytest

from broker import DEADLINE, ROOT
from client import Client
from scrape import Metrics, get
from test_metrics import config, url_of

DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus" / "hookline-alerts.yml"
DASHBOARD = DEPLOY / "grafana" / "hookline-dashboard.json"
NAME = re.compile(r"\b(?:hookline|process)_[a-z0-9_]+")

pytestmark = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="no prometheus here; run scripts/setup.sh test")


def promtool(*arguments, stdin=None):
    done = subprocess.run(
        ["promtool", *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=DEADLINE * 2)
    return done.returncode, done.stdout + done.stderr


class Prometheus:
    """One server that scrapes one broker every second."""

    def __init__(self, folder, target):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        (folder / "prometheus.yml").write_text(
            "global: { scrape_interval: 1s, evaluation_interval: 1s }\n"
            f"rule_files: [ '{RULES}' ]\n"
            f"scrape_configs: [ {{ job_name: hookline, static_configs: [ {{ targets: [ '{target}' ] }} ] }} ]\n")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'tsdb'}",
             f"--web.listen-address=127.0.0.1:{self.port}", "--enable-feature=exemplar-storage",
             "--log.level=warn"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def ask(self, path, **query):
        """The data of an answer; None while the server does not answer."""
        try:
            status, _, body = get(
                f"http://127.0.0.1:{self.port}/api/v1/{path}", query=urllib.parse.urlencode(query))
        except OSError:
            return None
        answer = json.loads(body) if body.startswith("{") else {}
        assert status != 400, f"{query}: {answer}"
        return answer.get("data")

    def until(self, look):
        """Asks again until there is an answer: what is waited for is another process' next scrape."""
        end = time.monotonic() + 4 * DEADLINE
        while time.monotonic() < end:
            if (found := look()) is not None:
                return found
            time.sleep(0.2)
        raise AssertionError("Prometheus did not get there")

    def value(self, query):
        data = self.ask("query", query=query)
        return float(data["result"][0]["value"][1]) if data and data["result"] else None


@pytest.fixture
def broker(serve):
    return serve(config=config())


def test_promtool_accepts_exposition_and_rules(broker):
    with Client(broker, "c") as client:
        client.subscribe("a")
        client.publish("a", b"x", 1)
    assert promtool("check", "metrics", stdin=get(url_of(broker))[2]) == (0, "")
    code, said = promtool("check", "rules", RULES)
    assert code == 0, said
    code, said = promtool("check", "config", DEPLOY / "prometheus" / "prometheus.yml")
    assert code == 0, said
    code, said = promtool("test", "rules", DEPLOY / "prometheus" / "hookline-alerts-test.yml")
    assert code == 0, said


def test_a_real_prometheus_gets_the_right_numbers(broker, tmp_path):
    with Client(broker, "sub") as subscriber, Client(broker, "pub") as publisher:
        subscriber.subscribe("a/#", 1)
        for _ in range(7):
            publisher.publish("a/b", b"x" * 10, 1)
        subscriber.receive_payloads(7)
        with Prometheus(tmp_path, url_of(broker).split("/")[2]) as server:
            server.until(lambda: server.value('hookline_messages_received_total{qos="1"} == 7'))
            assert server.value('hookline_connections{protocol="mqtt",listener="tcp"}') == 2
            assert server.value('sum(hookline_payload_bytes_received_total)') == 70
            assert server.value('up{job="hookline"}') == 1
            assert server.value('histogram_quantile(1, sum by (le) (hookline_message_size_bytes_bucket))') == 16
            rules = server.until(lambda: healthy(server))
            assert len(rules) == 12 and all(rule["health"] == "ok" for rule in rules), rules
            for expression in expressions():
                assert server.ask("query", query=expression) is not None, expression


def healthy(server):
    data = server.ask("rules")
    rules = [rule for group in (data or {"groups": []})["groups"] for rule in group["rules"]]
    return rules if rules and all(rule["health"] != "unknown" for rule in rules) else None


def expressions():
    """Every query of the dashboard, with its variables filled in as Grafana does."""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*")


def test_dashboard_and_alerts_use_names_that_there_are(serve, tmp_path):
    broker = serve(config=config())
    with Client(broker, "c") as client:
        client.publish("a", b"x", 1)
    known = Metrics.of(url_of(broker)).names() | {
        # Only with TLS, a store, a plugin with hooks that was called.
        "hookline_tls_certificate_expiry_timestamp_seconds", "hookline_store_commit_duration_seconds_bucket",
        "hookline_hook_duration_seconds_bucket", "hookline_hook_failures_total"}
    used = set(NAME.findall(RULES.read_text())) | {name for text in expressions() for name in NAME.findall(text)}
    assert used - known == set()
