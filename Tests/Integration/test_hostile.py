"""What only a real socket shows of hostile peers; their packets are taken apart in Tests/HostileTests."""

import re
import socket
import struct
import time

import pytest

from broker import DEADLINE
from client import V5, V311, Client
from wire import Wire, connect, packet, publish, string, subscribe

PING = packet(12)


@pytest.fixture
def watched(broker):
    """A broker and a good client that must notice nothing: it exchanges a message with itself afterwards."""
    with Client(broker, "good") as good:
        good.subscribe("alive", 1)
        yield broker
        good.publish("alive", b"yes", 1)
        assert good.until(b"yes") == []


def online(broker, version=5, **options):
    client = Wire(broker, connect("bad", version=version, **options))
    client.expect(2)
    return client


@pytest.mark.parametrize("version", [4, 5], ids=["3.1.1", "5.0"])
@pytest.mark.parametrize("bad, statement", [
    (connect("again"), "MQTT-3.1.0-2"),
    (publish("a/#"), "MQTT-3.3.2-2"),
    (publish("a", qos=1, identifier=0), {4: "MQTT-2.3.1-1", 5: "MQTT-2.2.1-3"}),
    (packet(12, flags=1), {4: "MQTT-2.2.2-2", 5: "MQTT-2.1.3-1"}),
    (b"\x36", "MQTT-3.3.1-4"),
    (b"\x30\xff\xff\xff\xff", {4: "MQTT-4.8.0-1", 5: "MQTT-1.5.5-1"}),
    (publish(b"\xed\xa0\x80"), "MQTT-3.3.2-1"),
    (packet(2, b"\0\0\0"), {4: "MQTT-4.8.0-1", 5: "MQTT-4.13.1-1"}),
], ids=["second CONNECT", "wildcard", "identifier 0", "flags", "QoS 3 in one byte", "endless length", "surrogate",
        "CONNACK"])
def test_the_log_names_the_statement_that_was_broken(watched, version, bad, statement):
    if version == 4 and bad[0] >> 4 == 3 and len(bad) > 5:
        # Without the length of the properties.
        cut = 2 + 2 + struct.unpack(">H", bad[2:4])[0] + (2 if bad[0] & 6 else 0)
        bad = packet(3, bad[2:cut] + bad[cut + 1:], bad[0] & 15)
    start = len(watched.log.lines)
    with online(watched, version) as client:
        client.send(bad)
        client.expect_end()
    wanted = statement if isinstance(statement, str) else statement[version]
    watched.log.wait(rf"client\.disconnected.* client=bad .*protocol_violation.*{re.escape(wanted)}\]", start=start)


@pytest.mark.parametrize("first", [
    b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"SSH-2.0-OpenSSH_9.2\r\n", b"\0",
    PING], ids=["HTTP", "TLS", "SSH", "null", "PINGREQ"])
def test_a_stranger_is_closed_and_logged(watched, first):
    """[MQTT-3.1.0-1]"""
    start = len(watched.log.lines)
    with Wire(watched, first) as client:
        assert client.socket.recv(100) == b""
    watched.log.wait(r"client\.refused.*protocol_violation.*\[MQTT-", start=start)


def test_a_connection_that_never_says_connect_is_ended(serve, threads):
    """Section 3.1.4, and a byte now and then gives no more time."""
    broker = serve("--set", "broker.limits.connect_timeout=500ms", threads=threads)
    with Client(broker) as good, Wire(broker) as silent, Wire(broker) as slow:
        begin = time.monotonic()
        slow.socket.settimeout(0.05)
        sent = iter(connect("slow", keep_alive=1))
        while True:
            try:
                slow.send(bytes([next(sent)]))
                if slow.socket.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except (ConnectionError, StopIteration):
                break
        assert time.monotonic() - begin < DEADLINE
        silent.expect_end()
        broker.log.wait(r"client\.refused.*connect_timeout.*3\.1\.4")
        good.publish("still", b"here", 1)


@pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5.0"])
def test_a_writer_of_single_bytes_starves_nobody(watched, version):
    """While one client takes its time over each byte, another one's messages go through."""
    with Wire(watched) as slow, Client(watched, "quick", version=version) as quick:
        quick.subscribe("q", 1)
        for byte in connect("slow", version=version) + subscribe("q", version=version):
            slow.send(bytes([byte]))
            quick.publish("q", b"m", 1)
            assert quick.receive().payload == b"m"
        slow.expect(2)
        slow.expect(9)


def test_a_half_open_socket_is_noticed(watched):
    """The peer says that it will send no more: what it sent before is handled, and its connection ends."""
    with Client(watched) as receiver:
        receiver.subscribe("half", 1)
        with online(watched) as client:
            client.send(publish("half", b"last words"), publish("half", b"cut")[:-2])
            client.socket.shutdown(socket.SHUT_WR)
            client.expect_end()
        assert receiver.receive().payload == b"last words"
        receiver.publish("half", b"end", 1)
        assert receiver.until(b"end") == []


def test_a_reset_in_the_middle_of_a_packet_publishes_the_will(watched):
    """[MQTT-3.1.2-8]"""
    with Client(watched) as receiver:
        receiver.subscribe("will", 1)
        will = packet(1, string("MQTT") + bytes([5, 6]) + struct.pack(">H", 60) + b"\0" + string("bad") + b"\0"
                      + string("will") + string("gone"))
        client = Wire(watched, will)
        client.expect(2)
        client.send(publish("x", b"y" * 1000)[:500])
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        assert receiver.receive().payload == b"gone"


def test_a_peer_that_never_reads_is_no_burden_to_others(watched):
    """Its socket is full and its output bounded; QoS 0 beyond is dropped, and the others go on."""
    with Wire(watched) as deaf, Client(watched) as sender, Client(watched) as receiver:
        deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.send(connect("deaf"), subscribe("flood"))
        deaf.expect(2)
        deaf.expect(9)
        receiver.subscribe("flood")
        payload = b"x" * 65_536
        for number in range(400):
            sender.send("flood", payload)
        sender.publish("flood", b"end", 1)
        assert len(receiver.until(b"end")) == 400


def test_many_connections_that_say_nothing_keep_nobody_out(watched):
    crowd = [Wire(watched) for _ in range(80)]
    with Client(watched, "late") as late:
        late.publish("other", b"m", 1)
    for silent in crowd:
        silent.close()


def test_a_lenient_listener_forgives_counts_and_logs(serve, threads, tmp_path):
    """[MQTT-3.3.4-7] and what else docs/strictness.md lists, on that listener alone."""
    broker = serve(config="""
broker:
  listeners:
    tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true }
    old: { url: "mqtt://127.0.0.1:0", allow_anonymous: true, strictness: lenient }
  mqtt: { receive_maximum: 2 }
""", threads=threads)

    class Old:
        host, port = broker.listener("old")["host"], broker.listener("old")["port"]

    flood = [publish("x", qos=2, identifier=number) for number in range(1, 6)]
    with online(Old) as client:
        client.send(*flood)
        for _ in flood:
            client.expect(5)
        client.send(packet(8, b"\0\1\0" + string("") + b"\0"), PING)
        assert client.expect(9)[-1] == 0x8F
        client.expect(13)
    broker.log.wait(r"client\.tolerated.*listener=old fault=receive_maximum_exceeded .*\[MQTT-3\.3\.4-7\]")
    with online(broker) as client:
        client.send(*flood)
        client.expect_end(0x93)
