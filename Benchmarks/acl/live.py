#!/usr/bin/env python3
"""How long 1,000 connected clients take to feel a new rule file: from its rename to the last one's DISCONNECT.

usage: Benchmarks/acl/live.py      after `make build`. Exit 1 when the last one takes more than 100 ms.
"""

import os
import selectors
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests/Integration"))

from broker import Broker  # noqa: E402
from wire import Wire, connect, subscribe  # noqa: E402

CLIENTS = int(os.environ.get("CLIENTS", "1000"))
LIMIT_MS = 100
CONFIG = """\
broker:
  listeners: { tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true } }
  limits: { connect_rate_per_ip: 100000/s }
plugins:
  - { id: acl, config: { file: acl.yaml, on_lost_permission: disconnect } }
"""

with tempfile.TemporaryDirectory() as folder:
    rules = Path(folder) / "acl.yaml"
    rules.write_text('rules:\n  - { subscribe: "news/#" }\n')
    with Broker(folder, config=CONFIG) as broker:
        clients = []
        for number in range(CLIENTS):
            client = Wire(broker, connect(f"client-{number}"), subscribe("news/#"))
            client.expect(2)
            client.expect(9)
            clients.append(client)
        selector = selectors.DefaultSelector()
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ)
        fresh = rules.with_suffix(".new")
        fresh.write_text("rules: []\n")
        start = time.perf_counter()
        os.replace(fresh, rules)
        times = []
        while len(times) < CLIENTS:
            ready = selector.select(timeout=10)
            assert ready, f"{CLIENTS - len(times)} clients are still connected"
            for key, _ in ready:
                data = key.fileobj.recv(16)
                assert data == b"" or data[:1] == b"\xe0", f"not a DISCONNECT: {data.hex()}"
                times.append((time.perf_counter() - start) * 1000)
                selector.unregister(key.fileobj)
        for client in clients:
            client.close()

times.sort()
print(f"{CLIENTS} clients: first {times[0]:.1f} ms, median {times[CLIENTS // 2]:.1f} ms, last {times[-1]:.1f} ms")
sys.exit(times[-1] > LIMIT_MS)
