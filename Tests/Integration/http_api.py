"""HTTP as programs speak it: one request, one answer, and server-sent events as they come."""

import base64
import http.client
import json
import socket
import ssl
from urllib.parse import urlsplit

import pytest

from broker import BUILD, DEADLINE

#: Sanitizer builds leave the plugin out.
needs_http = pytest.mark.skipif(
    not (BUILD / "libhttp.so").exists(), reason="libhttp.so is not in this build; scripts/build-http.sh makes it")


class Reply:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


class API:
    """The HTTP API of a broker, or another server of its http plugin."""

    def __init__(self, broker, name="api", *, user=None, token=None, cafile=None):
        self.url = broker.ports["plugins"]["http"][name]
        parts = urlsplit(self.url)
        self.host, self.port = parts.hostname, parts.port
        self.headers = {}
        if user is not None:
            self.headers["Authorization"] = "Basic " + base64.b64encode(":".join(user).encode()).decode()
        if token is not None:
            self.headers["Authorization"] = f"Bearer {token}"
        self.tls = ssl.create_default_context(cafile=cafile) if cafile else None

    def connection(self, timeout=DEADLINE):
        if self.tls:
            return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=self.tls)
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def request(self, method, path, body=None, headers=None):
        connection = self.connection()
        try:
            connection.request(method, path, body, {**self.headers, **(headers or {})})
            response = connection.getresponse()
            return Reply(response, response.read())
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.request("GET", path, headers=headers)

    def post(self, path, body=b"", headers=None):
        return self.request("POST", path, body, headers)

    def post_json(self, path, document):
        return self.request("POST", path, json.dumps(document), {"Content-Type": "application/json"})

    def delete(self, path):
        return self.request("DELETE", path)

    def subscribe(self, query, **headers):
        return Events(self, query, headers)


class Events:
    """A reader of /subscribe, over a socket of its own, so that it can also stall."""

    def __init__(self, api, query, headers=None, receive_buffer=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(DEADLINE)
        self.socket.connect((api.host, api.port))
        lines = [f"GET /subscribe?{query} HTTP/1.1", f"Host: {api.host}:{api.port}"]
        lines += [f"{name}: {value}" for name, value in {**api.headers, **(headers or {})}.items()]
        self.socket.sendall("\r\n".join(lines + ["", ""]).encode())
        self.bytes = b""
        head = self._until(b"\r\n\r\n").decode()
        self.status = int(head.split()[1])
        self.head = head
        self.text = b""
        if self.status == 200:
            # The first comment says that the subscription is there.
            self.first = self.comment_or_event()

    def _until(self, mark):
        while mark not in self.bytes:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError("the server has closed the connection")
            self.bytes += more
        found, self.bytes = self.bytes.split(mark, 1)
        return found

    def _chunk(self):
        size = int(self._until(b"\r\n"), 16)
        while len(self.bytes) < size + 2:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError("the server has closed the connection")
            self.bytes += more
        data, self.bytes = self.bytes[:size], self.bytes[size + 2:]
        if size == 0:
            raise EOFError("the server has ended the stream")
        return data

    def comment_or_event(self):
        """The next block: None for a comment, else a dictionary of its fields."""
        while b"\n\n" not in self.text:
            self.text += self._chunk()
        block, self.text = self.text.split(b"\n\n", 1)
        if block.startswith(b":"):
            return None
        return dict(line.split(": ", 1) for line in block.decode().split("\n"))

    def event(self):
        while True:
            found = self.comment_or_event()
            if found is not None:
                return found

    def message(self):
        """The next message, with the id of its event."""
        event = self.event()
        assert event["event"] == "message", event
        return {**json.loads(event["data"]), "event_id": event["id"]}

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
