"""MQTT 5 clients whose state outlives every connection and every broker: what they are owed is known exactly."""

import asyncio
import struct

CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK = 2, 3, 4, 5, 6, 7, 9


class Broken(Exception):
    """A promise of the broker was broken."""


def string(data):
    return struct.pack(">H", len(data)) + data


def packet(first, body):
    size, length = len(body), b""
    while True:
        length += bytes([size & 0x7F | (0x80 if size > 0x7F else 0)])
        size >>= 7
        if not size:
            return bytes([first]) + length + body


class Link:
    """One connection."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    def send(self, first, body):
        self.writer.write(packet(first, body))

    def acknowledge(self, kind, identifier):
        self.send(kind << 4 | (2 if kind == PUBREL else 0), struct.pack(">H", identifier))

    async def receive(self):
        """First byte and body of the next packet."""
        first = (await self.reader.readexactly(1))[0]
        size = shift = 0
        while True:
            byte = (await self.reader.readexactly(1))[0]
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return first, await self.reader.readexactly(size)


class Peer:
    """A client with a session of its own, which the broker has to keep."""

    def __init__(self, name):
        self.name = name
        self.link = None
        self.online = asyncio.Event()
        self.has_session = False

    async def connect(self, port, clean=False):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        self.link = Link(reader, writer)
        properties = b"\x11\xff\xff\xff\xfe"
        body = string(b"MQTT") + bytes([5, 2 if clean else 0]) + struct.pack(">H", 0)
        self.link.send(0x10, body + bytes([len(properties)]) + properties + string(self.name.encode()))
        first, answer = await self.link.receive()
        if first >> 4 != CONNACK or answer[1] != 0:
            raise ConnectionError(f"{self.name}: refused with 0x{answer[1]:02x}")
        if self.has_session and not clean and not answer[0] & 1:
            raise Broken(f"{self.name}: the session it was promised is gone")
        self.has_session = True
        self.resume()
        self.online.set()

    def resume(self):
        """Sends again what is under way."""

    def take(self, first, body):
        """One packet from the broker."""

    async def run(self, port):
        """Connected until the broker ends it."""
        try:
            await self.connect(port)
            while True:
                self.take(*await self.link.receive())
                await self.link.writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self.online.clear()
            if self.link:
                self.link.writer.close()

    async def acknowledged(self, link, kind):
        """Waits for one packet of a kind; others are taken on the way."""
        while True:
            first, body = await link.receive()
            if first >> 4 == kind:
                return body
            self.take(first, body)


class Publisher(Peer):
    """Publishes 1, 2, 3 ... at one QoS, keeps a window of them under way, and sends them again until acknowledged."""

    WINDOW = 16

    def __init__(self, name, topic, qos, retain=False):
        super().__init__(name)
        self.topic, self.qos, self.retain = topic.encode(), qos, retain
        self.sent = 0
        self.acknowledged_up_to = 0
        self.under_way = {}  # identifier -> [number, has PUBREC]
        self.is_stopping = False

    def resume(self):
        for identifier, (number, received) in list(self.under_way.items()):
            if received:
                self.link.acknowledge(PUBREL, identifier)
            else:
                self._send(identifier, number, duplicate=True)
        self.pump()

    def pump(self):
        while not self.is_stopping and len(self.under_way) < self.WINDOW:
            self.sent += 1
            identifier = (self.sent - 1) % 60_000 + 1
            self.under_way[identifier] = [self.sent, False]
            self._send(identifier, self.sent)

    def _send(self, identifier, number, duplicate=False):
        first = 0x30 | self.qos << 1 | (8 if duplicate else 0) | (1 if self.retain else 0)
        body = string(self.topic) + struct.pack(">H", identifier) + b"\0" + f"{self.name} {number}".encode()
        self.link.send(first, body)

    def take(self, first, body):
        kind = first >> 4
        if kind not in (PUBACK, PUBREC, PUBCOMP):
            return
        identifier = struct.unpack(">H", body[:2])[0]
        reason = body[2] if len(body) > 2 else 0
        if kind != PUBCOMP and reason >= 0x80:
            raise Broken(f"{self.name}: 0x{reason:02x} for a message the broker has room for")
        entry = self.under_way.get(identifier)
        if entry is None:
            return
        self.acknowledged_up_to = max(self.acknowledged_up_to, entry[0])
        if kind == PUBREC:
            entry[1] = True
            self.link.acknowledge(PUBREL, identifier)
        else:
            del self.under_way[identifier]
        self.pump()


class Subscriber(Peer):
    """Has subscribed to everything at QoS 2, and notes what arrives."""

    def __init__(self, name, *filters):
        super().__init__(name)
        self.filters = filters
        self.numbers = {}  # publisher -> the numbers in the order of arrival
        self.open = set()  # QoS 2 identifiers between PUBLISH and PUBREL
        self.first_acknowledged = set()
        self.changed = asyncio.Event()

    async def subscribe(self, port):
        await self.connect(port)
        for number, name in enumerate(self.filters, 1):
            self.link.send(0x82, struct.pack(">H", number) + b"\0" + string(name.encode()) + bytes([2]))
            await self.acknowledged(self.link, SUBACK)
        self.link.writer.close()
        self.online.clear()

    def take(self, first, body):
        kind = first >> 4
        if kind == PUBREL:
            identifier = struct.unpack(">H", body[:2])[0]
            self.open.discard(identifier)
            self.link.acknowledge(PUBCOMP, identifier)
        elif kind == PUBLISH:
            self._publish(first, body)

    def _publish(self, first, body):
        qos = first >> 1 & 3
        place = 2 + struct.unpack(">H", body[:2])[0]
        identifier = struct.unpack(">H", body[place:place + 2])[0] if qos else 0
        place += 2 if qos else 0
        size = body[place]
        publisher, number = body[place + 1 + size:].decode().split()
        if qos == 2:
            is_new = identifier not in self.open
            self.open.add(identifier)
            self.link.acknowledge(PUBREC, identifier)
            if is_new:
                self._note(publisher, int(number), once=True)
        else:
            if qos == 1:
                self.link.acknowledge(PUBACK, identifier)
            self._note(publisher, int(number), once=False)

    def _note(self, publisher, number, once):
        numbers = self.numbers.setdefault(publisher, [])
        last = numbers[-1] if numbers else 0
        if number == last + 1:
            numbers.append(number)
            self.changed.set()
        elif number <= last:
            if once:
                raise Broken(f"{self.name}: QoS 2 message {publisher} {number} came twice")
        else:
            raise Broken(f"{self.name}: {publisher} {number} came after {last}: lost, or out of order")
