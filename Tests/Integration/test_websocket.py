"""MQTT over WebSocket with frames made by hand, and with a browser."""

import http.server
import shutil
import struct
import subprocess
import threading

import pytest

from broker import DEADLINE
from transports import address, configuration, make_certificates, trusting
from websocket import BINARY, CLOSE, PING, PONG, TEXT, WebSocket, frame
from wire import connect, publish, subscribe


@pytest.fixture
def broker(serve, tmp_path, threads):
    make_certificates(tmp_path / "certs")
    return serve(config=configuration(ws='origins: ["https://example.org"]'), threads=threads)


CONNACK_3 = b"\x20\x02\x00\x00"


@pytest.mark.parametrize("pieces", [1, 3, None], ids=["byte-by-byte", "threes", "at-once"])
@pytest.mark.parametrize("name", ["ws", "wss"])
def test_packets_and_frames_have_nothing_to_do_with_each_other(broker, tmp_path, name, pieces):
    """[MQTT-6.0.0-2][v3 MQTT-6.0.0-2]"""
    tls = trusting(tmp_path / "certs") if name == "wss" else None
    with WebSocket(address(broker, name), tls=tls) as socket:
        assert socket.status == 101 and "Sec-WebSocket-Protocol: mqtt" in socket.head
        stream = (connect("dev", version=4) + subscribe("a", 0, version=4) + publish("a", b"x" * 70_000, version=4)
                  + publish("a", b"2", version=4))
        cuts = [0, 1, 5, 30, 31, 40_000, len(stream)]
        frames = b"".join(frame(stream[start:end]) for start, end in zip(cuts, cuts[1:]))
        socket.send(frames, pieces and pieces * (1 if len(frames) < 1000 else 997))
        expected = CONNACK_3 + b"\x90\x03\x00\x01\x00" + publish("a", b"x" * 70_000, version=4) + publish(
            "a", b"2", version=4)
        assert socket.read_stream(len(expected)) == expected


def test_a_ping_is_answered_between_fragments(broker):
    with WebSocket(address(broker, "ws")) as socket:
        packet = connect("dev", version=4)
        socket.send(frame(packet[:5], final=False) + frame(b"now?", PING) + frame(packet[5:], 0))
        assert socket.read() == (PONG, b"now?")
        assert socket.read() == (BINARY, CONNACK_3)


@pytest.mark.parametrize("wrong, code", [
    (frame(b"hello", TEXT), 1003), (frame(b"x", masked=False), 1002), (frame(b"x", 3), 1002), (frame(b"x", 0), 1002),
], ids=["text", "unmasked", "unknown", "continuation"])
def test_a_wrong_frame_is_closed_with_its_code(broker, wrong, code):
    """[MQTT-6.0.0-1][v3 MQTT-6.0.0-1]"""
    with WebSocket(address(broker, "ws")) as socket:
        socket.send(wrong)
        assert socket.read() == (CLOSE, struct.pack(">H", code))
        with pytest.raises(EOFError):
            socket.read()


@pytest.mark.parametrize("options, status", [
    ({"path": "/"}, 404), ({"subprotocol": None}, 400), ({"subprotocol": "soap"}, 400),
    ({"headers": ["Origin: https://evil.example"]}, 403), ({"headers": ["Origin: https://example.org"]}, 101),
    ({"headers": ["X: " + "x" * 9000]}, 431),
])
def test_the_handshake_is_refused_with_a_status(broker, options, status):
    """[MQTT-6.0.0-3][v3 MQTT-6.0.0-3], [MQTT-6.0.0-4][v3 MQTT-6.0.0-4]"""
    with WebSocket(address(broker, "ws"), **options) as socket:
        assert socket.status == status


def test_the_broker_says_good_bye_with_a_close_frame(broker):
    with WebSocket(address(broker, "ws")) as first, WebSocket(address(broker, "ws")) as second:
        first.send(frame(connect("same", version=4)))
        assert first.read() == (BINARY, CONNACK_3)
        second.send(frame(connect("same", version=4)))
        assert first.read() == (CLOSE, struct.pack(">H", 1000))


# ---- a browser

PAGE = """<!doctype html><title>MQTT</title><script>
const url = new URLSearchParams(location.search).get("url");
const tell = (text) => fetch("/said?" + encodeURIComponent(text));
const utf8 = (text) => { const b = new TextEncoder().encode(text); return [b.length >> 8, b.length & 255, ...b]; };
const packet = (first, body) => new Uint8Array([first, body.length, ...body]);
const socket = new WebSocket(url, "mqtt");
socket.binaryType = "arraybuffer";
socket.onerror = () => tell("error");
socket.onopen = () => socket.send(packet(0x10, [...utf8("MQTT"), 4, 2, 0, 60, ...utf8("browser")]));
socket.onmessage = (message) => {
  const bytes = new Uint8Array(message.data);
  if (bytes[0] === 0x20) socket.send(packet(0x82, [0, 1, ...utf8("page"), 0]));
  if (bytes[0] === 0x90) socket.send(packet(0x30, [...utf8("page"), ...new TextEncoder().encode("from the page")]));
  if (bytes[0] === 0x30) tell(socket.protocol + ": " + new TextDecoder().decode(bytes.slice(8)));
};
</script>"""


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed; scripts/setup.sh test does it")
@pytest.mark.parametrize("name", ["ws", "wss"])
def test_a_browser_publishes_and_receives_with_its_own_websocket(serve, tmp_path, name):
    said = []
    heard = threading.Event()

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            if self.path.startswith("/said?"):
                said.append(self.path)
                heard.set()
            elif self.path.startswith("/?"):
                self.wfile.write(PAGE.encode())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        make_certificates(tmp_path / "certs")
        broker = serve(config=configuration())
        target = "http://127.0.0.1:%d/?url=%s://%s:%d/mqtt" % (server.server_port, name, *address(broker, name))
        browser = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             # Its list of trusted authorities cannot be told from outside.
             "--ignore-certificate-errors", f"--user-data-dir={tmp_path}/profile", "--remote-debugging-port=0", target],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            assert heard.wait(60), "the page said nothing"
        finally:
            browser.kill()
            browser.wait()
            server.shutdown()
    assert said == ["/said?mqtt%3A%20from%20the%20page"]
