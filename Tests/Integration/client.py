"""paho-mqtt with its callbacks turned into waits: each call returns when the broker has answered."""

import queue
import socket
import threading

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from broker import DEADLINE

V311 = paho.MQTTv311
V5 = paho.MQTTv5


def properties(packet, **values):
    """MQTT 5.0 properties of a packet, by paho's names: properties("PUBLISH", MessageExpiryInterval=1)."""
    made = Properties(getattr(PacketTypes, packet))
    for name, value in values.items():
        setattr(made, name, value)
    return made


class Refused(Exception):
    """CONNACK with a reason other than success."""

    def __init__(self, code):
        super().__init__(str(code))
        self.code = code.value


class Client:
    """One MQTT connection. Use as a context manager; leaving it disconnects normally."""

    def __init__(self, broker, client_id="", *, version=V5, clean=True, expiry=None, username=None, password=None,
                 will=None, keep_alive=60, host=None, port=None, transport="tcp", tls=None, **connect):
        self.address = (host or broker.host, port or broker.port)
        self.version = version
        self.messages = queue.Queue()
        self.disconnected = threading.Event()
        self.disconnect_code = None
        self._answers = queue.Queue()
        self._keep_alive = keep_alive
        arguments = {} if version == V5 else {"clean_session": clean}
        self.paho = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=version, reconnect_on_failure=False,
            transport=transport, **arguments)
        if tls is not None:
            self.paho.tls_set(**tls)
        self.paho.max_queued_messages_set(0)
        if username is not None:
            self.paho.username_pw_set(username, password)
        if will is not None:
            self.paho.will_set(**will)
        self._connect = {}
        if version == V5:
            if expiry is not None:
                connect["SessionExpiryInterval"] = expiry
            self._connect = {"clean_start": clean, "properties": properties("CONNECT", **connect)}
        self.paho.on_connect = lambda _c, _u, flags, code, props: self._answers.put((flags, code, props))
        self.paho.on_connect_fail = lambda *_: self._answers.put(None)
        self.paho.on_disconnect = self._on_disconnect
        self.paho.on_subscribe = lambda _c, _u, mid, codes, props: self._answers.put((mid, codes))
        self.paho.on_unsubscribe = lambda _c, _u, mid, codes, props: self._answers.put((mid, codes))
        self.paho.on_publish = self._on_publish
        self.paho.on_message = lambda _c, _u, message: self.messages.put(message)
        self._published = {}
        self._lock = threading.Condition()

    def _on_disconnect(self, _client, _userdata, _flags, code, _properties):
        self.disconnect_code = code.value
        self._answers.put(None)
        self.disconnected.set()
        with self._lock:
            self._lock.notify_all()

    def _on_publish(self, _client, _userdata, mid, code, _properties):
        with self._lock:
            self._published[mid] = code.value
            self._lock.notify_all()

    def _answer(self, mid=None):
        while True:
            answer = self._answers.get(timeout=DEADLINE)
            if answer is None:
                raise ConnectionError(f"connection closed, reason {self.disconnect_code}")
            if mid is None:
                return answer
            if answer[0] == mid:
                return [code.value for code in answer[1]]

    def connect(self):
        """CONNECT and wait for the CONNACK."""
        self.paho.connect(*self.address, keepalive=self._keep_alive, **self._connect)
        if isinstance(self.paho.socket(), socket.socket):
            self.paho.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.paho.loop_start()
        code = self.connected()
        if code.is_failure:
            self.disconnected.wait(DEADLINE)
            raise Refused(code)
        return self

    def connected(self):
        """Wait for the CONNACK; its reason code."""
        flags, code, self.granted = self._answer()
        self.session_present = flags.session_present
        return code

    def subscribe(self, topic_filter, qos=0, *, no_local=False, retain_as_published=False, retain_handling=0,
                  identifier=None):
        """SUBSCRIBE and wait; the reason code of the SUBACK."""
        if self.version == V5:
            options = SubscribeOptions(qos, no_local, retain_as_published, retain_handling)
            extra = {"SubscriptionIdentifier": identifier} if identifier else {}
            _, mid = self.paho.subscribe(topic_filter, options=options, properties=properties("SUBSCRIBE", **extra))
        else:
            _, mid = self.paho.subscribe(topic_filter, qos)
        return self._answer(mid)[0]

    def unsubscribe(self, topic_filter):
        _, mid = self.paho.unsubscribe(topic_filter)
        answer = self._answer(mid)
        return answer[0] if answer else None

    def send(self, topic, payload=b"", qos=0, retain=False, **values):
        """PUBLISH without waiting; the packet's identifier in paho's terms."""
        extra = {"properties": properties("PUBLISH", **values)} if self.version == V5 else {}
        info = self.paho.publish(topic, payload, qos, retain, **extra)
        if info.rc == paho.MQTT_ERR_NO_CONN:
            raise ConnectionError(paho.error_string(info.rc))
        assert info.rc == paho.MQTT_ERR_SUCCESS, paho.error_string(info.rc)
        return info.mid

    def wait_published(self, mid):
        """Until the message left (QoS 0) or its acknowledgement came; the reason code."""
        with self._lock:
            done = self._lock.wait_for(
                lambda: mid in self._published or self.disconnected.is_set(), timeout=DEADLINE)
            assert done, "no acknowledgement"
            if mid not in self._published:
                raise ConnectionError(f"connection closed, reason {self.disconnect_code}")
            return self._published.pop(mid)

    def publish(self, topic, payload=b"", qos=0, retain=False, **values):
        """PUBLISH and wait for what its QoS promises; the reason code."""
        return self.wait_published(self.send(topic, payload, qos, retain, **values))

    def receive(self, timeout=DEADLINE):
        """The next message."""
        try:
            return self.messages.get(timeout=timeout)
        except queue.Empty:
            raise AssertionError("no message came") from None

    def receive_payloads(self, count):
        return [self.receive().payload for _ in range(count)]

    def until(self, payload):
        """The payloads before the one that says `payload`: what must not come is shown absent by what comes after."""
        seen = []
        while (got := self.receive().payload) != payload:
            seen.append(got)
        return seen

    def wait_closed(self):
        """Until the connection is gone; the reason code of the DISCONNECT."""
        assert self.disconnected.wait(DEADLINE), "still connected"
        return self.disconnect_code

    def drop(self):
        """End the network connection without a DISCONNECT, as a dead device does."""
        sock = self.paho.socket()
        if sock is not None:
            sock.shutdown(socket.SHUT_RDWR)
        self.disconnected.wait(DEADLINE)
        self.paho.loop_stop()

    def close(self, reason=None, **values):
        """DISCONNECT and wait for the end of the connection."""
        if not self.disconnected.is_set():
            if self.version == V5:
                from paho.mqtt.reasoncodes import ReasonCode
                code = ReasonCode(PacketTypes.DISCONNECT, identifier=reason or 0)
                self.paho.disconnect(reasoncode=code, properties=properties("DISCONNECT", **values))
            else:
                self.paho.disconnect()
            self.disconnected.wait(DEADLINE)
        self.paho.loop_stop()

    def __enter__(self):
        return self.connect()

    def __exit__(self, *_):
        self.close()


def let_time_pass(broker, seconds):
    """Wait until the broker's own clock has moved on: a will with that delay is published."""
    with Client(broker) as watcher:
        watcher.subscribe("clock/will")
        will = {"topic": "clock/will", "payload": b"now",
                "properties": properties("WILLMESSAGE", WillDelayInterval=seconds)}
        Client(broker, will=will, expiry=seconds + 60).connect().drop()
        watcher.receive(timeout=DEADLINE + seconds)
