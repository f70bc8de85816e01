"""The control socket of a broker, as a program uses it: one JSON line each way (docs/administration.md)."""

import json
import socket

from broker import DEADLINE

CONFIG = 'broker: { data_dir: data, listeners: { tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true } } }\n'


class Control:
    """One connection; the broker must have been started with `data_dir: data` in `folder`."""

    def __init__(self, folder):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(str(folder / "data" / "run" / "control.sock"))
        self.lines = self.socket.makefile("r")

    def ask(self, command, **parameters):
        """The whole answer, done or not."""
        self.socket.sendall(json.dumps({"command": command, **parameters}).encode() + b"\n")
        line = self.lines.readline()
        assert line, f"the broker hung up on {command}"
        return json.loads(line)

    def do(self, command, **parameters):
        answer = self.ask(command, **parameters)
        assert answer.pop("ok"), answer
        return answer

    def refused(self, command, **parameters):
        answer = self.ask(command, **parameters)
        assert not answer["ok"], answer
        return answer

    def all_items(self, command, limit, **parameters):
        """Every item of a list, page by page."""
        items, cursor = [], None
        while True:
            page = self.do(command, limit=limit, **({"cursor": cursor} if cursor else {}), **parameters)
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items

    def close(self):
        self.lines.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
