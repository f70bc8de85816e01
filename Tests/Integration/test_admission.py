"""Connections that come too fast, too many, or never say anything."""

import json
import selectors
import socket
import time

import pytest

from broker import DEADLINE, command
from client import Client, Refused
from wire import connect

CONFIG = """
broker:
  limits: { %s }
  listeners: { tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true } }
"""


def attempts(broker, count):
    """So many connections at once, each with a CONNECT: seconds until the CONNACK of each that was admitted, in the
    order in which they were opened, and how many were refused. Nobody is left waiting when it returns."""
    chooser = selectors.DefaultSelector()
    sockets, order = {}, []
    started = time.monotonic()
    for number in range(count):
        sock = socket.create_connection((broker.host, broker.port), timeout=DEADLINE)
        try:
            sock.sendall(connect(f"c{number}", version=4))
        except OSError:
            pass
        sock.setblocking(False)
        sockets[sock] = number
        chooser.register(sock, selectors.EVENT_READ)
    refused = 0
    while sockets:
        ready = chooser.select(DEADLINE)
        assert ready, f"{len(sockets)} connections hang"
        for key, _ in ready:
            try:
                answer = key.fileobj.recv(16)
            except OSError:
                answer = b""
            if answer == b"\x20\x02\x00\x00":
                order.append((sockets[key.fileobj], time.monotonic() - started))
            else:
                assert answer == b"", answer
                refused += 1
            chooser.unregister(key.fileobj)
            del sockets[key.fileobj]
            key.fileobj.close()
    return order, refused

def test_who_is_too_fast_waits_in_order_and_gets_the_rate(serve):
    broker = serve(plugins=True, threads=1, config=CONFIG % "connect_rate_per_ip: 20/s")
    order, refused = attempts(broker, 60)
    assert refused == 0
    assert [number for number, _ in order] == list(range(60)), "admitted in the order in which they came"
    # Twenty at once, forty at twenty a second.
    assert 1.9 <= order[-1][1] <= 1.9 + 5

def test_the_queue_has_an_end_and_nobody_hangs(serve, threads):
    limits = "connect_rate_per_ip: 20/s, connect_queue: 10, connect_queue_timeout: 5s"
    broker = serve(plugins=True, threads=threads, config=CONFIG % limits)
    order, refused = attempts(broker, 200)
    assert len(order) + refused == 200
    assert 30 <= len(order) < 100, "the rate, ten that waited, and those who came while others left"
    broker.log.wait("listener.failed .*reason=connect_rate")
    with Client(broker, "later"):
        pass  # a moment later the address is as welcome as any other

def test_status_counts_who_waited_and_who_was_refused(serve, tmp_path):
    limits = "connect_rate_per_ip: 10/s, connect_queue: 5"
    broker = serve("--data-dir", tmp_path / "data", plugins=True, ephemeral=False,
                   config=CONFIG % limits)
    order, refused = attempts(broker, 40)
    status = command("status", "--json", "--config", tmp_path / "plugins.yaml", "--data-dir", tmp_path / "data")
    assert status.returncode == 0, status.stderr
    seen = json.loads(status.stdout)
    assert seen["connections_refused"] == refused and seen["connections_waiting"] == 0
    assert seen["connections_delayed"] >= 5

def test_the_limit_of_connections_holds_until_one_goes(serve, threads):
    broker = serve(config=CONFIG % "max_connections: 3", plugins=True, threads=threads)
    clients = [Client(broker, f"c{number}").connect() for number in range(3)]
    with socket.create_connection((broker.host, broker.port), timeout=DEADLINE) as fourth:
        try:
            fourth.sendall(connect("fourth"))
            assert fourth.recv(1) == b""
        except OSError:
            pass  # a reset says the same
    broker.log.wait("listener.failed .*reason=too_many_connections")
    clients[0].close()
    broker.log.wait("client.disconnected .*client=c0")
    # The socket is closed after the line is written, and by another thread than the one that accepts.
    for _ in range(1000):
        with socket.create_connection((broker.host, broker.port), timeout=DEADLINE) as other:
            try:
                other.sendall(connect("other"))
                if other.recv(1) == b"\x20":
                    break
            except OSError:
                pass
    else:
        raise AssertionError("the place of the client that went was not given to another")
    for client in clients[1:]:
        client.close()

def test_silent_strangers_are_gone_after_their_time(serve):
    broker = serve(config=CONFIG % "connect_timeout: 300ms", plugins=True)
    strangers = [socket.create_connection((broker.host, broker.port), timeout=DEADLINE) for _ in range(50)]
    for stranger in strangers:
        assert stranger.recv(1) == b""
        stranger.close()

def test_a_client_that_publishes_too_fast_is_slowed_down_and_loses_nothing(serve):
    limits = "max_message_rate: 100/s, rate_burst: 500ms"
    broker = serve(config=CONFIG % limits, plugins=True)
    with Client(broker) as subscriber, Client(broker) as publisher:
        subscriber.subscribe("t", 1)
        started = time.monotonic()
        for number in range(150):
            publisher.send("t", b"%d" % number, 1)
        assert subscriber.receive_payloads(150) == [b"%d" % number for number in range(150)]
        assert time.monotonic() - started >= 0.9, "a hundred of them had to wait their time"

def test_a_session_more_than_allowed_is_refused(serve):
    broker = serve(config=CONFIG % "max_sessions: 1", plugins=True)
    with Client(broker, "first"):
        with pytest.raises(Refused) as refusal:
            Client(broker, "second").connect()
        assert refusal.value.code == 0x97
