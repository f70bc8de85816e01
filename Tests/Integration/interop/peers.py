"""Clients under test, each behind the same few calls. A kind of client is a subclass that says how to start it and what
it cannot do."""

import os
import queue
import subprocess
import sys
import threading
from pathlib import Path

from broker import DEADLINE, ROOT
from lines import Fields, pack, unpack
from transports import address

HERE = Path(__file__).parent
SITE = ROOT / ".venv" / "site"


class Peer:
    """A client in a process of its own, told what to do by lines (see lines.py)."""

    #: What the client's interface does not offer or tell.
    cannot = frozenset()
    transports = ("tcp", "tls", "ws", "wss")

    def __init__(self, broker, version, transport):
        self.broker, self.version, self.transport = broker, version, transport
        self.host, self.port = address(broker, transport)
        self.authority = broker.folder / "certs" / "ca.pem"
        self.process = None

    def command(self):
        raise NotImplementedError

    def environment(self):
        return dict(os.environ)

    def start(self):
        self.messages, self.answers = queue.Queue(), queue.Queue()
        self.process = subprocess.Popen(
            self.command(), env=self.environment(), cwd=HERE, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._watch()

    def _watch(self):
        self._thread = threading.Thread(target=self._collect, args=(self.process.stdout,), daemon=True)
        self._thread.start()

    def _collect(self, pipe):
        for line in pipe:
            word, fields = unpack(line)
            (self.messages if word == "message" else self.answers).put((word, fields))
        self.answers.put(("ended", Fields()))

    def _ask(self, word, answer, **fields):
        self.process.stdin.write(pack(word, **fields) + "\n")
        self.process.stdin.flush()
        while True:
            got, values = self.answers.get(timeout=DEADLINE)
            if got == answer:
                return values
            assert got != "ended", f"{type(self).__name__} ended while it was asked to {word}"

    def connect(self, client_id, *, clean=True, expiry=None, will=None):
        """True, False, or None when the client does not tell: whether the broker had a session."""
        if self.process is None:
            self.start()
        extra = {"willtopic": will[0], "willpayload": will[1], "willqos": 1} if will else {}
        answer = self._ask(
            "connect", "connected", host=self.host, port=self.port, transport=self.transport, ca=self.authority,
            version=self.version, id=client_id, clean=clean, expiry=expiry, **extra)
        return None if "present" not in answer else bool(answer.number("present"))

    def subscribe(self, topic_filter, qos=0):
        return self._ask("subscribe", "subscribed", filter=topic_filter, qos=qos).number("code")

    def publish(self, topic, payload, qos=0, retain=False, **properties):
        self._ask("publish", "published", topic=topic, payload=payload, qos=qos, retain=retain, **properties)

    def receive(self):
        """The fields of the next message."""
        return self.messages.get(timeout=DEADLINE)[1]

    def disconnect(self):
        self._ask("disconnect", "disconnected")

    def kill(self):
        """End the process at once, as a dead device does."""
        if self.process is not None:
            self.process.kill()
            self._ended()

    def _ended(self):
        self.process.wait(DEADLINE)
        self._thread.join(DEADLINE)
        self.process.stdin.close()
        self.process.stdout.close()
        self.process = None


class PahoPython2(Peer):
    site = SITE

    def command(self):
        return [sys.executable, "worker_paho.py"]

    def environment(self):
        return {**os.environ, "PYTHONPATH": str(self.site), "PYTHONDONTWRITEBYTECODE": "1"}


class PahoPython1(PahoPython2):
    site = ROOT / ".venv" / "paho1"


class AIOMQTT(PahoPython2):
    def command(self):
        return [sys.executable, "worker_aiomqtt.py"]


class GMQTT(PahoPython2):
    # It refuses to send a message without a topic.
    cannot = frozenset({"alias"})
    transports = ("tcp", "tls")

    def command(self):
        return [sys.executable, "worker_gmqtt.py"]


class PahoC(Peer):
    program = None

    def command(self):
        return [str(self.program)]


class Mosquitto(Peer):
    """mosquitto_sub and mosquitto_pub: a process for each subscription and each publish."""

    cannot = frozenset({"alias", "present"})
    transports = ("tcp", "tls")

    def connect(self, client_id, *, clean=True, expiry=None, will=None):
        self.id, self.clean, self.expiry, self.will = client_id, clean, expiry, will
        self.filters = getattr(self, "filters", [])
        self.process = None
        if not clean and self.filters:
            self._listen()

    def _common(self):
        version = "mqttv5" if self.version == 5 else "mqttv311"
        trust = ["--cafile", str(self.authority)] if self.transport == "tls" else []
        return ["-h", self.host, "-p", str(self.port), "-V", version, *trust]

    def _listen(self):
        # By lines: a pipe would hold back what it has to say.
        arguments = ["stdbuf", "-oL", "mosquitto_sub", *self._common(), "-i", self.id, "-d"]
        arguments += ["-F", ">topic=%t payload=%x qos=%q retain=%r" + (
            " response=%R correlation=%D content=%C expiry=%E user=%P" if self.version == 5 else "")]
        for topic_filter, qos in self.filters:
            arguments += ["-t", topic_filter, "-q", str(qos)]
        if not self.clean:
            arguments += ["-c"] + (["-x", str(self.expiry)] if self.version == 5 else [])
        if self.will:
            arguments += ["--will-topic", self.will[0], "--will-payload", self.will[1].decode(), "--will-qos", "1"]
        self.messages, self.answers = queue.Queue(), queue.Queue()
        self.process = subprocess.Popen(
            arguments, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C.UTF-8"})
        self._watch()
        # Not its line about SUBACK: a signal that comes while it writes its log stops it in its own handler for good.
        while not self.answers.get(timeout=DEADLINE).startswith("Subscribed"):
            pass

    def _collect(self, pipe):
        for line in pipe:
            if not line.startswith(">"):
                self.answers.put(line)
                continue
            fields = Fields()
            for part in line[1:].rstrip("\n").split(" "):
                name, _, value = part.partition("=")
                if value:
                    fields[name] = bytes.fromhex(value) if name == "payload" else value.replace(":", "=").encode()
            self.messages.put(("message", fields))

    def subscribe(self, topic_filter, qos=0):
        self.filters = [(topic_filter, qos)]
        self._listen()
        return qos

    def publish(self, topic, payload, qos=0, retain=False, **properties):
        names = {"response": "response-topic", "correlation": "correlation-data", "content": "content-type",
                 "expiry": "message-expiry-interval"}
        extra = []
        for name, value in properties.items():
            text = value.decode() if isinstance(value, bytes) else str(value)
            option = ["user-property", *text.split("=")] if name == "user" else [names[name], text]
            extra += ["-D", "publish", *option]
        subprocess.run(
            ["mosquitto_pub", *self._common(), "-t", topic, "-q", str(qos), "-s" if payload else "-n",
             *(["-r"] if retain else []), *extra],
            input=payload, check=True, timeout=DEADLINE, env={**os.environ, "LC_ALL": "C.UTF-8"})

    def disconnect(self):
        if self.process is not None:
            self.process.terminate()
            self._ended()


KINDS = {
    "paho-python-1.6": PahoPython1, "paho-python-2": PahoPython2, "aiomqtt": AIOMQTT, "gmqtt": GMQTT,
    "mosquitto": Mosquitto, "paho-c": PahoC,
}
