"""MQTT packets by hand, for what a well-behaved client never does."""

import socket
import struct

from broker import DEADLINE


def integer(value):
    """Variable byte integer."""
    out = bytearray()
    while True:
        value, digit = divmod(value, 128)
        out.append(digit | (0x80 if value else 0))
        if not value:
            return bytes(out)


def string(text):
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack(">H", len(data)) + data


def packet(kind, body=b"", flags=0):
    return bytes([kind << 4 | flags]) + integer(len(body)) + body


def connect(client_id="", *, version=5, clean=True, keep_alive=60, properties=b"", name="MQTT", flags=0):
    head = string(name) + bytes([version, flags | (2 if clean else 0)]) + struct.pack(">H", keep_alive)
    return packet(1, head + (integer(len(properties)) + properties if version == 5 else b"") + string(client_id))


def publish(topic, payload=b"", *, qos=0, identifier=1, version=5, properties=b"", retain=False, dup=False):
    body = string(topic) + (struct.pack(">H", identifier) if qos else b"")
    if version == 5:
        body += integer(len(properties)) + properties
    return packet(3, body + payload, dup << 3 | qos << 1 | retain)


def subscribe(topic_filter, qos=0, *, identifier=1, version=5):
    return packet(8, struct.pack(">H", identifier) + (b"\0" if version == 5 else b"")
                  + string(topic_filter) + bytes([qos]), 2)


class Wire:
    """A raw connection: bytes out, packets in."""

    def __init__(self, broker, *first):
        self.socket = socket.create_connection((broker.host, broker.port), timeout=DEADLINE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.send(*first)

    def send(self, *packets):
        self.socket.sendall(b"".join(packets))

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            try:
                more = self.socket.recv(count - len(data))
            except ConnectionResetError:
                more = b""
            if not more:
                raise EOFError(data)
            data += more
        return data

    def read(self):
        """The next packet: its type, flags and body. EOFError when the broker closed."""
        first = self._exactly(1)[0]
        length, shift = 0, 0
        while True:
            digit = self._exactly(1)[0]
            length |= (digit & 0x7F) << shift
            shift += 7
            if not digit & 0x80:
                return first >> 4, first & 15, self._exactly(length)

    def expect(self, kind):
        """The body of the next packet, which must be of this type."""
        got, _, body = self.read()
        assert got == kind, f"packet type {got} with {body.hex()} instead of {kind}"
        return body

    def expect_end(self, *codes):
        """The broker closes; with `codes`, after a DISCONNECT with one of them."""
        said = None
        try:
            while True:
                kind, _, body = self.read()
                if kind == 14:
                    said = body[0] if body else 0
        except EOFError:
            pass
        assert not codes or said in codes, f"DISCONNECT {said} instead of {[hex(code) for code in codes]}"

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
