"""aiomqtt as a client under test."""

import asyncio
import ssl
import sys

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from lines import say, unpack


def properties(kind, **values):
    made = Properties(kind)
    for name, value in values.items():
        if value is not None:
            setattr(made, name, value)
    return made


class Worker:
    def __init__(self):
        self.client, self.reader, self.v5 = None, None, False

    async def connect(self, fields):
        self.v5 = fields.number("version") == 5
        clean = bool(fields.number("clean", 1))
        options = {"clean_session": clean}
        if self.v5:
            options = {"clean_start": clean, "properties": properties(
                PacketTypes.CONNECT, SessionExpiryInterval=fields.number("expiry", None))}
        if "willtopic" in fields:
            options["will"] = aiomqtt.Will(fields.text("willtopic"), fields["willpayload"], fields.number("willqos"))
        transport = fields.text("transport")
        if transport in ("ws", "wss"):
            options["transport"] = "websockets"
        if transport in ("tls", "wss"):
            options["tls_context"] = ssl.create_default_context(cafile=fields.text("ca"))
        self.client = aiomqtt.Client(
            fields.text("host"), fields.number("port"), identifier=fields.text("id"),
            protocol=aiomqtt.ProtocolVersion.V5 if self.v5 else aiomqtt.ProtocolVersion.V311, **options)
        await self.client.__aenter__()
        self.reader = asyncio.create_task(self.read())
        say("connected")

    async def read(self):
        async for message in self.client.messages:
            extra = {}
            if self.v5:
                user = getattr(message.properties, "UserProperty", None)
                extra = {
                    "response": getattr(message.properties, "ResponseTopic", None),
                    "correlation": getattr(message.properties, "CorrelationData", None),
                    "content": getattr(message.properties, "ContentType", None),
                    "expiry": getattr(message.properties, "MessageExpiryInterval", None),
                    "user": "=".join(user[0]) if user else None}
            say("message", topic=str(message.topic), payload=message.payload, qos=message.qos,
                retain=message.retain, **extra)

    async def subscribe(self, fields):
        granted = await self.client.subscribe(fields.text("filter"), qos=fields.number("qos"))
        say("subscribed", code=granted[0] if isinstance(granted[0], int) else granted[0].value)

    async def unsubscribe(self, fields):
        await self.client.unsubscribe(fields.text("filter"))
        say("unsubscribed")

    async def publish(self, fields):
        extra = {}
        if self.v5:
            extra["properties"] = properties(
                PacketTypes.PUBLISH, ResponseTopic=fields.text("response"), CorrelationData=fields.get("correlation"),
                ContentType=fields.text("content"), MessageExpiryInterval=fields.number("expiry", None),
                TopicAlias=fields.number("alias", None),
                UserProperty=tuple(fields.text("user").split("=")) if "user" in fields else None)
        await self.client.publish(
            fields.text("topic"), fields["payload"], fields.number("qos"), bool(fields.number("retain")), **extra)
        say("published")

    async def disconnect(self, _fields):
        self.reader.cancel()
        await self.client.__aexit__(None, None, None)
        say("disconnected", code=0)


async def main():
    reader = asyncio.StreamReader(limit=1 << 22)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    worker = Worker()
    while line := await reader.readline():
        word, fields = unpack(line.decode())
        await getattr(worker, word)(fields)


asyncio.run(main())
