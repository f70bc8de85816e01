"""The clients people have, against one broker: the first thing that must work."""

import asyncio
import subprocess

import aiomqtt
import pytest

from broker import DEADLINE
from client import V5, V311, Client

pytestmark = pytest.mark.smoke


def mosquitto_sub(broker, topic, *arguments):
    """A running mosquitto_sub that has its SUBACK. `stdbuf`, because it holds back what it writes into a pipe."""
    process = subprocess.Popen(
        ["stdbuf", "-oL", "mosquitto_sub", "-d", "-h", broker.host, "-p", str(broker.port), "-t", topic, "-W",
         str(int(DEADLINE)), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in process.stdout:
        if line.startswith("Subscribed"):
            return process
    raise AssertionError("mosquitto_sub ended before it was subscribed")


def mosquitto_pub(broker, *arguments):
    done = subprocess.run(
        ["mosquitto_pub", "-h", broker.host, "-p", str(broker.port), *arguments], capture_output=True, text=True,
        timeout=DEADLINE)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("version", ["mqttv311", "mqttv5"])
@pytest.mark.parametrize("qos", ["0", "1", "2"])
def test_mosquitto_pub_reaches_mosquitto_sub(broker, version, qos):
    with mosquitto_sub(broker, "a/+", "-V", version, "-q", qos, "-C", "1", "-F", "%t %q %p") as receiver:
        mosquitto_pub(broker, "-V", version, "-q", qos, "-t", "a/b", "-m", "hello")
        lines = receiver.stdout.read().splitlines()
    assert f"a/b {qos} hello" in lines
    assert receiver.returncode == 0


@pytest.mark.parametrize("sender", [V311, V5], ids=["from-3.1.1", "from-5.0"])
@pytest.mark.parametrize("receiver", [V311, V5], ids=["to-3.1.1", "to-5.0"])
def test_paho_versions_talk_to_each_other_at_every_qos(broker, sender, receiver):
    with Client(broker, version=receiver) as there, Client(broker, version=sender) as here:
        for granted in range(3):
            assert there.subscribe(f"q{granted}/#", granted) == granted
        for granted in range(3):
            for qos in range(3):
                assert here.publish(f"q{granted}/x", b"%d" % qos, qos) == 0
                message = there.receive()
                assert (message.topic, message.payload) == (f"q{granted}/x", b"%d" % qos)
                assert message.qos == min(qos, granted), "the lower of both holds [MQTT-3.8.4-8]"
                assert not message.retain and not message.dup


def test_a_retained_message_and_a_will_arrive(broker):
    with Client(broker, will={"topic": "will", "payload": b"gone", "qos": 1}) as device, Client(broker) as watcher:
        device.publish("state", b"on", 1, retain=True)
        watcher.subscribe("#", 1)
        message = watcher.receive()
        assert (message.topic, message.payload, message.retain) == ("state", b"on", True)
        device.drop()
        assert watcher.receive().payload == b"gone"


@pytest.mark.parametrize("version", [aiomqtt.ProtocolVersion.V311, aiomqtt.ProtocolVersion.V5])
def test_aiomqtt_round_trip(broker, version):
    async def talk():
        async with aiomqtt.Client(broker.host, broker.port, protocol=version, timeout=DEADLINE) as client:
            await client.subscribe("async/#", qos=1)
            for number in range(20):
                await client.publish(f"async/{number}", payload=str(number), qos=number % 3)
            received = []
            async with asyncio.timeout(DEADLINE):
                async for message in client.messages:
                    received.append((message.topic.value, message.payload))
                    if len(received) == 20:
                        break
        assert sorted(received) == sorted((f"async/{n}", str(n).encode()) for n in range(20))

    asyncio.run(talk())


def test_a_message_reaches_a_hundred_subscribers_once_each(broker):
    receivers = [Client(broker).connect() for _ in range(100)]
    try:
        for receiver in receivers:
            receiver.subscribe("news/+", 1)
        with Client(broker) as sender:
            sender.publish("news/today", b"one", 1)
            sender.publish("news/today", b"end", 1)
        assert [receiver.until(b"end") for receiver in receivers] == [[b"one"]] * 100
    finally:
        for receiver in receivers:
            receiver.close()
