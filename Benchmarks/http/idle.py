#!/usr/bin/env python3
"""What the HTTP plugin costs while nobody asks, and what a request takes: python3 Benchmarks/http/idle.py [BUILD]

Prints threads, memory (proportional and resident) and processor time in five idle seconds of a broker with and without
the plugin, then the latency of publishes over one HTTP connection.
"""

import http.client
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFIG = """\
broker:
  listeners: {{ tcp: {{ url: "mqtt://127.0.0.1:0", allow_anonymous: true }} }}
plugins: [ {plugin} ]
"""
IDLE_SECONDS = 5
REQUESTS = 3000


def start(build, folder, plugin):
    (folder / "plugins.yaml").write_text(CONFIG.format(plugin=plugin))
    ports = folder / "ports.json"
    process = subprocess.Popen(
        [build / "hookline", "serve", "--ephemeral", "--exit-with-parent", "--config", folder / "plugins.yaml",
         "--ports-file", ports], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for line in process.stdout:
        if line.startswith("hookline ready"):
            return process, json.loads(ports.read_text())
    raise SystemExit("the broker did not start")


def figures(pid):
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    values = {line.split(":")[0]: int(line.split()[1]) for line in rollup.splitlines() if line.endswith("kB")}
    return len(os.listdir(f"/proc/{pid}/task")), values["Rss"] / 1024, values["Pss"] / 1024


def processor_time(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / ".build" / "release").resolve()
    print(f"{'':14}{'threads':>8}{'RSS MiB':>9}{'PSS MiB':>9}{'CPU s in ' + str(IDLE_SECONDS) + ' s':>14}")
    for name, plugin in (("no plugin", ""), ("http", '{ id: http }')):
        with tempfile.TemporaryDirectory() as folder:
            process, ports = start(build, pathlib.Path(folder), plugin)
            try:
                time.sleep(1)
                before = processor_time(process.pid)
                time.sleep(IDLE_SECONDS)
                threads, resident, proportional = figures(process.pid)
                spent = processor_time(process.pid) - before
                print(f"{name:14}{threads:8}{resident:9.1f}{proportional:9.1f}{spent:14.2f}")
                if plugin:
                    publish(ports)
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(20)


def publish(ports):
    address = ports["plugins"]["http"]["api"].removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=10)
    times = []
    for _ in range(REQUESTS):
        begin = time.perf_counter()
        connection.request("POST", "/publish?topic=a/b&qos=1", b"x" * 64)
        response = connection.getresponse()
        response.read()
        assert response.status == 200
        times.append(time.perf_counter() - begin)
    times.sort()
    print(f"POST /publish, one connection: median {statistics.median(times) * 1e6:.0f} us, "
          f"p99 {times[int(len(times) * 0.99)] * 1e6:.0f} us, {REQUESTS / sum(times):.0f}/s")


main()
