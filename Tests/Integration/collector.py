"""An OpenTelemetry collector of a few lines: takes OTLP over HTTP and decodes it with the official definitions."""

import http.server
import threading

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from broker import DEADLINE

KINDS = {"/v1/traces": ExportTraceServiceRequest, "/v1/metrics": ExportMetricsServiceRequest}


class Collector:
    """Requests as they come; use as a context manager."""

    def __init__(self):
        #: (path, headers, decoded request)
        self.requests = []
        #: What is answered; a number other than 200 means that the request does not count.
        self.status = 200
        #: How many requests were turned away.
        self.refused = 0
        self._changed = threading.Condition()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = collector.take(self.path, dict(self.headers), body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def take(self, path, headers, body):
        with self._changed:
            if self.status != 200:
                self.refused += 1
                self._changed.notify_all()
                return self.status
            decoded = KINDS[path].FromString(body)
            # What the definitions do not know would be somewhere in here.
            assert decoded.SerializeToString() and not unknown(decoded), decoded
            self.requests.append((path, headers, decoded))
            self._changed.notify_all()
            return 200

    def wait(self, look, timeout=DEADLINE):
        """What `look` finds in what has come; asked again after every request."""
        found = None

        def wanted():
            nonlocal found
            found = look()
            return found

        with self._changed:
            assert self._changed.wait_for(wanted, timeout), f"not found in {self.requests}"
        return found

    def spans(self):
        """All spans so far, each with `attributes` as a dictionary."""
        return [Span(span, resource.resource)
                for path, _, request in self.requests if path == "/v1/traces"
                for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans]

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def unknown(message):
    """Whether a message, or one in it, has fields that its definition does not name."""
    from google.protobuf.unknown_fields import UnknownFieldSet

    if len(UnknownFieldSet(message)):
        return True
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for inner in value if field.is_repeated else [value]:
            if unknown(inner):
                return True
    return False


def values(pairs):
    """Attributes as a dictionary."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


class Span:
    """A span as a test wants to look at it."""

    def __init__(self, span, resource):
        self.trace = span.trace_id.hex()
        self.id = span.span_id.hex()
        self.parent = span.parent_span_id.hex()
        self.name = span.name
        self.kind = span.kind
        self.state = span.trace_state
        self.began, self.ended = span.start_time_unix_nano, span.end_time_unix_nano
        self.attributes = values(span.attributes)
        self.failed = span.status.code == 2
        self.resource = values(resource.attributes)

    def __repr__(self):
        return f"{self.name} {self.trace[:6]}/{self.id[:6]} of {self.parent[:6]} {self.attributes}"
