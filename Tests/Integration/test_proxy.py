"""The PROXY protocol: a load balancer says for whom it speaks."""

import socket
import struct

import pytest

from broker import DEADLINE
from wire import connect

CONNACK = b"\x20\x02\x00\x00"
CONFIG = """
broker:
  limits: { connect_rate_per_ip: 5/m }
  listeners:
    tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true, proxy_protocol: [%s] }
"""
V1 = b"PROXY TCP4 203.0.113.7 10.0.0.1 51234 1883\r\n"
V2 = (b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x21, 0x11]) + struct.pack(">H", 12) + bytes([203, 0, 113, 7, 10, 0, 0, 1])
      + struct.pack(">HH", 51234, 1883))


def exchange(broker, data):
    with socket.create_connection((broker.host, broker.port), timeout=DEADLINE) as raw:
        raw.sendall(data)
        try:
            return raw.recv(16)
        except ConnectionResetError:
            return b""


@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
def test_the_address_is_the_one_the_proxy_names(serve, header):
    broker = serve(config=CONFIG % "127.0.0.1")
    assert exchange(broker, header + connect("dev", version=4)) == CONNACK
    broker.log.wait("client.connected .*client=dev addr=203.0.113.7:51234")


def test_a_trusted_proxy_without_a_header_is_closed(serve):
    broker = serve(config=CONFIG % "127.0.0.0/8")
    assert exchange(broker, connect("dev", version=4)) == b""
    broker.log.wait("client.handshake_failed .*PROXY protocol")


def test_a_header_from_anybody_else_is_no_mqtt(serve):
    broker = serve(config=CONFIG % "10.0.0.0/8")
    assert exchange(broker, V1 + connect("dev", version=4)) == b""
    assert exchange(broker, connect("dev", version=4)) == CONNACK


def test_the_rate_is_that_of_the_address_behind_the_proxy(serve):
    """All clients of a proxy share its address; each has a rate of its own."""
    broker = serve(config=CONFIG % "127.0.0.1")
    hello = connect("dev", version=4)
    assert [exchange(broker, V1 + hello) for _ in range(6)] == [CONNACK] * 5 + [b""]
    broker.log.wait("listener.failed .*listener=proxy addr=203.0.113.7:51234 reason=connect_rate")
    assert exchange(broker, V1.replace(b"203.0.113.7", b"203.0.113.8") + hello) == CONNACK
