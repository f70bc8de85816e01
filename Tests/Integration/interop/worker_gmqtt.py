"""gmqtt as a client under test."""

import asyncio
import ssl
import sys

import gmqtt
from gmqtt.mqtt.constants import MQTTv50, MQTTv311

from lines import say, unpack


class Worker:
    def __init__(self):
        self.client = None
        self.unsubscribed = "unsubscribed"

    async def connect(self, fields):
        options = {"clean_session": bool(fields.number("clean", 1))}
        v5 = fields.number("version") == 5
        if v5 and "expiry" in fields:
            options["session_expiry_interval"] = fields.number("expiry")
        if "willtopic" in fields:
            options["will_message"] = gmqtt.Message(
                fields.text("willtopic"), fields["willpayload"], qos=fields.number("willqos"))
        client = self.client = gmqtt.Client(fields.text("id"), **options)
        client.set_config({"reconnect_retries": 0})
        client.on_connect = lambda _c, flags, rc, _p: say("connected", present=flags & 1, code=rc)
        client.on_subscribe = lambda _c, _mid, granted, _p: say("subscribed", code=granted[0])
        client.on_unsubscribe = lambda *_: say(self.unsubscribed)
        client.on_disconnect = lambda *_: say("disconnected", code=0)
        client.on_message = self.message
        trust = ssl.create_default_context(cafile=fields.text("ca")) if fields.text("transport") == "tls" else False
        await client.connect(
            fields.text("host"), fields.number("port"), ssl=trust, version=MQTTv50 if v5 else MQTTv311)

    def message(self, _client, topic, payload, qos, properties):
        def first(name):
            return next(iter(properties.get(name, [])), None)
        user = first("user_property")
        say("message", topic=topic, payload=payload, qos=qos, retain=properties.get("retain", 0),
            response=first("response_topic"), correlation=first("correlation_data"), content=first("content_type"),
            expiry=first("message_expiry_interval"), user="=".join(user) if user else None)
        return 0

    async def subscribe(self, fields):
        self.client.subscribe(fields.text("filter"), qos=fields.number("qos"))

    async def unsubscribe(self, fields):
        self.unsubscribed = "unsubscribed"
        self.client.unsubscribe(fields.text("filter"))

    async def publish(self, fields):
        options = {
            "response_topic": fields.text("response"), "correlation_data": fields.get("correlation"),
            "content_type": fields.text("content"), "message_expiry_interval": fields.number("expiry", None),
            "topic_alias": fields.number("alias", None),
            "user_property": tuple(fields.text("user").split("=")) if "user" in fields else None}
        self.client.publish(
            fields.text("topic"), fields["payload"], qos=fields.number("qos"), retain=bool(fields.number("retain")),
            **{name: value for name, value in options.items() if value is not None})
        # gmqtt does not tell when a message is acknowledged; what is sent after it is answered after it.
        self.unsubscribed = "published"
        self.client.unsubscribe("nobody/subscribes/to/this")

    async def disconnect(self, _fields):
        await self.client.disconnect()


async def main():
    reader = asyncio.StreamReader(limit=1 << 22)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    worker = Worker()
    while line := await reader.readline():
        word, fields = unpack(line.decode())
        await getattr(worker, word)(fields)


asyncio.run(main())
