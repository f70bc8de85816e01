"""WebSocket frames by hand [RFC 6455]: nothing of a library between the test and the broker."""

import os
import socket
import struct

from broker import DEADLINE

BINARY, TEXT, CLOSE, PING, PONG = 2, 1, 8, 9, 10


def frame(payload, opcode=BINARY, *, final=True, masked=True):
    size = len(payload)
    head = bytes([final << 7 | opcode])
    form = masked << 7
    if size < 126:
        head += bytes([form | size])
    elif size < 65536:
        head += struct.pack(">BH", form | 126, size)
    else:
        head += struct.pack(">BQ", form | 127, size)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


class WebSocket:
    """A raw connection with its opening handshake done."""

    def __init__(self, address, *, path="/mqtt", tls=None, headers=(), subprotocol="mqtt"):
        self.socket = socket.create_connection(address, timeout=DEADLINE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=address[0])
        lines = [f"GET {path} HTTP/1.1", f"Host: {address[0]}:{address[1]}", "Upgrade: websocket",
                 "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"]
        if subprotocol:
            lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
        self.socket.sendall("\r\n".join([*lines, *headers, "", ""]).encode())
        self._data = b""
        while b"\r\n\r\n" not in self._data:
            more = self.socket.recv(4096)
            assert more, f"closed after {self._data!r}"
            self._data += more
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        self.head = head.decode()
        self.status = int(self.head.split()[1])

    def send(self, data, pieces=None):
        for start in range(0, len(data), pieces or len(data)):
            self.socket.sendall(data[start:start + (pieces or len(data))])

    def _exactly(self, count):
        while len(self._data) < count:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError
            self._data += more
        taken, self._data = self._data[:count], self._data[count:]
        return taken

    def read(self):
        """Opcode and payload of the next frame; EOFError when the broker closed."""
        first, second = self._exactly(2)
        assert first & 0x80 and not second & 0x80, "a server sends whole frames without a mask"
        size = second
        if size == 126:
            size, = struct.unpack(">H", self._exactly(2))
        elif size == 127:
            size, = struct.unpack(">Q", self._exactly(8))
        return first & 15, self._exactly(size)

    def read_stream(self, count):
        """So many bytes of MQTT, however many frames they come in."""
        data = b""
        while len(data) < count:
            opcode, payload = self.read()
            assert opcode == BINARY, (opcode, payload)
            data += payload
        return data

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
