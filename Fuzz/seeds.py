#!/usr/bin/env python3
"""Writes the seed corpora of the fuzz targets from the packet table of the codec's tests: every packet there, good or
bad, is a seed of its own. Connections get each client packet after a CONNECT of its version.

usage: Fuzz/seeds.py FOLDER      writes FOLDER/decoder and FOLDER/connection
"""

import re
import sys
from pathlib import Path

TABLE = Path(__file__).resolve().parents[1] / "Tests" / "MQTTCodecTests"
ENTRY = re.compile(
    r'(?:accept|refuse)\(\s*"(?P<name>[^"]*)",\s*\.(?P<version>v\w+),\s*\.(?P<role>\w+),\s*'
    r'(?P<bytes>"[^"]*"(?:\s*\+\s*"[^"]*")*)\s*,')
CONNECT = {
    "v3_1_1": bytes.fromhex("100d00044d51545404020 00a000163".replace(" ", "")),
    "v5_0": bytes.fromhex("101300044d515454 0502000a 05 11 00000e10 000163".replace(" ", "")),
}
SUBSCRIBE = {
    "v3_1_1": bytes.fromhex("8206000100012302"),
    "v5_0": bytes.fromhex("820700010000012302"),
}


def wire(notation):
    """The table's notation: pairs of hexadecimal digits, text in single quotes, blanks ignored."""
    data = bytearray()
    for number, part in enumerate("".join(re.findall(r'"([^"]*)"', notation)).split("'")):
        data += part.encode() if number % 2 else bytes.fromhex(part.replace(" ", ""))
    return bytes(data)


def entries():
    for file in sorted(TABLE.glob("PacketTable+*.swift")):
        for entry in ENTRY.finditer(file.read_text()):
            yield entry["version"], entry["role"], wire(entry["bytes"])


def step(client, data):
    """One step of a connection: `client` sends `data`, in pieces that fit the length byte."""
    return b"".join(
        bytes([3 << 2 | client, len(piece)]) + piece
        for piece in (data[start:start + 255] for start in range(0, len(data), 255)))


def main():
    folders = [Path(sys.argv[1]) / name for name in ("decoder", "connection")]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    number = 0
    for version, role, data in entries():
        number += 1
        choice = (version == "v3_1_1") | (role == "fromServer") << 1
        (folders[0] / f"{number:03}").write_bytes(bytes([choice]) + data)
        if role != "fromClient" or not data:
            continue
        first = b"" if data[0] >> 4 == 1 else step(0, CONNECT[version])
        peer = step(1, CONNECT[version].replace(b"\x01c", b"\x01d") + SUBSCRIBE[version])
        lenient = number % 2
        (folders[1] / f"{number:03}").write_bytes(bytes([lenient]) + peer + first + step(0, data))
    if number < 150:
        sys.exit(f"only {number} packets were found in {TABLE}; has the notation of the table changed?")
    print(f"seeds: {number} packets")


if __name__ == "__main__":
    main()
