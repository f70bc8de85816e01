"""What the kernel and the process are told about sockets."""

import resource
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from client import Client

CONFIG = """
broker:
  tcp: { %s }
  limits: { max_connections: %d }
  listeners: { tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true } }
"""
needs_ss = pytest.mark.skipif(shutil.which("ss") is None, reason="needs ss of iproute2")


def sockets(*arguments):
    return subprocess.run(["ss", "-tnH", *arguments], capture_output=True, text=True, check=True).stdout


@needs_ss
@pytest.mark.parametrize("backlog", [7, 4096])
def test_the_backlog_is_the_one_that_is_set_within_the_kernels_bound(serve, backlog):
    broker = serve(config=CONFIG % (f"backlog: {backlog}", 100))
    listening = sockets("-l", f"sport = :{broker.port}").split()
    bound = int(Path("/proc/sys/net/core/somaxconn").read_text())
    assert int(listening[2]) == min(backlog, bound)


@needs_ss
@pytest.mark.parametrize("setting, timers", [("keep_alive: 100s", True), ("keep_alive: 0s", False)])
def test_the_kernel_probes_silent_clients_as_often_as_told(serve, setting, timers):
    broker = serve(config=CONFIG % (setting, 100))
    with Client(broker):
        line = sockets("-o", "state", "established", f"sport = :{broker.port}")
        assert ("timer:(keepalive,1min" in line) == timers, line


def test_as_many_connections_as_there_are_descriptors(serve):
    """The soft limit is raised to the hard one; what does not fit under that is told and refused."""
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 160))
    broker = serve(config=CONFIG % ("no_delay: true", 10_000), preexec=few, ephemeral=False)
    broker.log.wait("limits.max_connections is 10000, but this process may open 160 descriptors, enough for 32 ")
    clients = [Client(broker, client_id=f"c{number}").connect() for number in range(32)]
    with socket.create_connection((broker.host, broker.port), 10) as one_more:
        one_more.settimeout(10)
        assert one_more.recv(1) == b""
    for client in clients:
        client.close()
