"""paho-mqtt, 1.6 or 2 - whichever PYTHONPATH brings - as a client under test."""

import sys

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from lines import say, unpack


def properties(kind, **values):
    made = Properties(kind)
    for name, value in values.items():
        if value is not None:
            setattr(made, name, value)
    return made


def code(value):
    return value if isinstance(value, int) else value.value


class Worker:
    def __init__(self):
        self.client, self.v5 = None, False

    def connect(self, fields):
        self.v5 = fields.number("version") == 5
        version = paho.MQTTv5 if self.v5 else paho.MQTTv311
        clean = bool(fields.number("clean", 1))
        # The callbacks of 1.6 are the first API version of 2.
        first = [paho.CallbackAPIVersion.VERSION1] if hasattr(paho, "CallbackAPIVersion") else []
        options = {} if self.v5 else {"clean_session": clean}
        transport = fields.text("transport")
        client = self.client = paho.Client(
            *first, client_id=fields.text("id"), protocol=version,
            transport="websockets" if transport in ("ws", "wss") else "tcp", **options)
        if transport in ("tls", "wss"):
            client.tls_set(fields.text("ca"))
        client.on_connect = lambda _c, _u, flags, rc, *_: say(
            "connected", present=flags["session present"], code=code(rc))
        client.on_subscribe = lambda _c, _u, _mid, granted, *_: say("subscribed", code=code(granted[0]))
        client.on_unsubscribe = lambda *_: say("unsubscribed")
        client.on_publish = lambda *_: say("published")
        client.on_disconnect = lambda _c, _u, rc, *_: say("disconnected", code=code(rc))
        client.on_message = self.message
        if "willtopic" in fields:
            client.will_set(fields.text("willtopic"), fields["willpayload"], fields.number("willqos"))
        if self.v5:
            client.connect(
                fields.text("host"), fields.number("port"), clean_start=clean,
                properties=properties(PacketTypes.CONNECT, SessionExpiryInterval=fields.number("expiry", None)))
        else:
            client.connect(fields.text("host"), fields.number("port"))
        client.loop_start()

    def message(self, _client, _userdata, message):
        extra = {}
        if self.v5:
            user = getattr(message.properties, "UserProperty", None)
            extra = {
                "response": getattr(message.properties, "ResponseTopic", None),
                "correlation": getattr(message.properties, "CorrelationData", None),
                "content": getattr(message.properties, "ContentType", None),
                "expiry": getattr(message.properties, "MessageExpiryInterval", None),
                "user": "=".join(user[0]) if user else None}
        say("message", topic=message.topic, payload=message.payload, qos=message.qos, retain=message.retain, **extra)

    def subscribe(self, fields):
        name, qos = fields.text("filter"), fields.number("qos")
        if self.v5:
            self.client.subscribe(name, options=SubscribeOptions(qos))
        else:
            self.client.subscribe(name, qos)

    def unsubscribe(self, fields):
        self.client.unsubscribe(fields.text("filter"))

    def publish(self, fields):
        extra = {}
        if self.v5:
            extra["properties"] = properties(
                PacketTypes.PUBLISH, ResponseTopic=fields.text("response"), CorrelationData=fields.get("correlation"),
                ContentType=fields.text("content"), MessageExpiryInterval=fields.number("expiry", None),
                TopicAlias=fields.number("alias", None),
                UserProperty=tuple(fields.text("user").split("=")) if "user" in fields else None)
        self.client.publish(
            fields.text("topic"), fields["payload"], fields.number("qos"), bool(fields.number("retain")), **extra)

    def disconnect(self, _fields):
        self.client.disconnect()
        self.client.loop_stop()


worker = Worker()
for line in sys.stdin:
    word, fields = unpack(line)
    getattr(worker, word)(fields)
