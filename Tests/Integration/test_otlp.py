"""A small OTLP receiver that decodes what arrives with the official definitions."""

import http.server
import queue
import threading

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from broker import DEADLINE
from client import Client
from test_metrics import config

CUMULATIVE = 2


class Collector:
    """Takes OTLP over HTTP; answers with the statuses it was given, then with 200."""

    def __init__(self, *statuses):
        self.requests = queue.Queue()
        statuses = list(statuses)
        requests = self.requests

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = statuses.pop(0) if statuses else 200
                requests.put((status, self.path, dict(self.headers), body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def next(self):
        return self.requests.get(timeout=DEADLINE)


class Export:
    """One request, decoded."""

    def __init__(self, body):
        request = ExportMetricsServiceRequest.FromString(body)
        assert request.SerializeToString() == body, "the official encoder writes the same bytes"
        assert len(request.resource_metrics) == 1
        told = request.resource_metrics[0]
        self.resource = {item.key: item.value.string_value for item in told.resource.attributes}
        self.scope = told.scope_metrics[0].scope
        self.metrics = {metric.name: metric for metric in told.scope_metrics[0].metrics}
        assert len(self.metrics) == len(told.scope_metrics[0].metrics), "no metric twice"

    def value(self, name, **labels):
        metric = self.metrics[name]
        points = getattr(metric, metric.WhichOneof("data")).data_points
        found = [point for point in points
                 if labels.items() <= {item.key: item.value.string_value for item in point.attributes}.items()]
        return sum(point.count if hasattr(point, "bucket_counts") else point.as_double for point in found)


def settings(collector, more=""):
    return config(f', otlp_endpoint: "{collector.url}", otlp_interval: 1s{more}')


def test_what_arrives_is_the_truth(serve, threads):
    with Collector() as collector:
        broker = serve(threads=threads, config=settings(
            collector, ", otlp_headers: { x-team: blue }, otlp_resource: { deployment.environment: test }"))
        with Client(broker, "sub") as subscriber, Client(broker, "pub") as publisher:
            subscriber.subscribe("a/#", 2)
            for qos in range(3):
                for _ in range(qos + 1):
                    publisher.publish("a/b", b"x" * 1000, qos, retain=True)
            subscriber.receive_payloads(6)
            while True:
                status, path, headers, body = collector.next()
                export = Export(body)
                if export.value("mqtt.messages.sent.total") == 6 and export.value("mqtt.connections.current") == 2:
                    break
        assert (path, headers["Content-Type"]) == ("/v1/metrics", "application/x-protobuf")
        assert headers["X-Team" if "X-Team" in headers else "x-team"] == "blue"
        assert export.resource["service.name"] == "hookline"
        assert export.resource["deployment.environment"] == "test"
        assert export.scope.name == "hookline/metrics"
        for qos in range(3):
            assert export.value("mqtt.messages.received.total", qos=str(qos)) == qos + 1
        assert export.value("mqtt.retained.messages") >= 1
        assert export.value("mqtt.subscriptions.active") == 1
        assert export.value("mqtt.connections.total") >= 2
        assert export.value("mqtt.message.size.bytes") == 6
        received = export.metrics["mqtt.messages.received.total"]
        assert received.sum.is_monotonic and received.sum.aggregation_temporality == CUMULATIVE
        assert received.unit == "{message}"
        point = received.sum.data_points[0]
        assert 0 < point.start_time_unix_nano < point.time_unix_nano
        sizes = export.metrics["mqtt.message.size.bytes"].histogram.data_points[0]
        assert sizes.sum == 6000 and sum(sizes.bucket_counts) == sizes.count == 6
        assert len(sizes.bucket_counts) == len(sizes.explicit_bounds) + 1
        bucket = next(i for i, bound in enumerate(sizes.explicit_bounds) if bound >= 1000)
        assert sizes.bucket_counts[bucket] == 6
        for name in ("mqtt.bytes.received.total", "mqtt.bytes.sent.total", "mqtt.errors.total",
                     "mqtt.publish.duration.ms", "mqtt.delivery.duration.ms"):
            assert name in export.metrics


def test_a_request_that_is_refused_for_now_comes_again(serve):
    with Collector(503) as collector:
        broker = serve(config=settings(collector))
        status, _, _, first = collector.next()
        assert status == 503
        broker.log.wait(r"otlp\.delayed .*503")
        status, _, _, again = collector.next()
        assert (status, again) == (200, first)
        broker.log.wait(r"otlp\.recovered")


@pytest.mark.parametrize("setting, word", [
    ('otlp_endpoint: "collector:4318"', "a URL such as"),
    ('otlp_endpoint: "http://127.0.0.1:1", otlp_token: abc', "https:// only"),
    ("otlp_interval: 1ms", "1s to 1h"), ("sys_interval: 1ms", "100ms to 1h"),
])
def test_what_is_wrong_is_told(serve, setting, word):
    broker = serve(config=config(", " + setting), ready=False)
    assert broker.wait() == 78
    assert word in broker.log.text() and "abc" not in broker.log.text()
