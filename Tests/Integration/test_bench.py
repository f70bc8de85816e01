"""The load generator of the bench notices what it claims to notice: a broker in a few lines that makes mistakes."""

import contextlib
import json
import os
import socketserver
import subprocess
import threading

import pytest

from broker import DEADLINE, ROOT


class Faulty(socketserver.ThreadingTCPServer):
    """Forwards QoS 0 messages by exact topic and does `fault` to the hundredth of each connection."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, fault):
        super().__init__(("127.0.0.1", 0), Connection)
        self.fault = fault
        self.receivers = {}


class Connection(socketserver.StreamRequestHandler):
    def packet(self):
        first = self.rfile.read(1)
        if not first:
            return 0, b"", b""
        head, length, shift = first, 0, 0
        while True:
            digit = self.rfile.read(1)
            head += digit
            length |= (digit[0] & 0x7F) << shift
            shift += 7
            if digit[0] < 0x80:
                body = self.rfile.read(length)
                return first[0] >> 4, body, head + body

    def handle(self):
        # The generator leaves when it has seen enough.
        with contextlib.suppress(OSError):
            self.serve()

    def serve(self):
        messages, kept = 0, b""
        while True:
            kind, body, whole = self.packet()
            if kind == 0:
                return
            if kind == 1:
                self.wfile.write(b"\x20\x02\0\0")
            elif kind == 8:
                self.server.receivers[body[4:4 + int.from_bytes(body[2:4], "big")]] = self.wfile
                self.wfile.write(b"\x90\x03" + body[:2] + b"\0")
            elif kind == 3:
                messages += 1
                fault = self.server.fault if messages == 100 else None
                if fault == "swap":
                    kept = whole
                    continue
                out = {"drop": b"", "double": whole * 2}.get(fault, whole)
                receiver = self.server.receivers[body[2:2 + int.from_bytes(body[:2], "big")]]
                receiver.write(out + kept)
                kept = b""


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
    program = tmp_path_factory.mktemp("wire") / "wireload"
    sources = sorted((ROOT / "Benchmarks" / "wire").glob("*.c"))
    subprocess.run(["gcc", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-o", program, *sources], check=True)
    return program


@pytest.mark.parametrize("fault, field", [
    (None, None), ("drop", "lost"), ("double", "duplicated"), ("swap", "reordered")])
def test_the_generator_notices(generator, fault, field):
    with Faulty(fault) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        done = subprocess.run(
            [generator, "--mode", "pairs", "--publishers", "2", "--window", "50", "--seconds", "0.3", "--warm", "0.3",
             "--port", str(server.server_address[1]), "--pid", str(os.getpid())],
            capture_output=True, text=True, timeout=DEADLINE)
        server.shutdown()
        thread.join()
    result = json.loads(done.stdout)
    assert result["sent"] >= 200, "enough to meet the fault"
    found = {name for name in ("lost", "duplicated", "reordered") if result[name]}
    assert found == ({field} if field else set())
    assert done.returncode == (1 if field else 0), done.stderr
