"""docs/logging.md as a rule: what a broker may say in its log, and under which keys."""

import json
import re

from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "logging.md"
LINE = re.compile(r"^\d\d:\d\d:\d\d\.\d{3} (ERROR|WARN|INFO|DEBUG|TRACE) +([a-z0-9_.-]+)((?: +[a-z0-9_.-]+=.*)?)$")
PAIR = re.compile(r' *([a-z0-9_.-]+)=("(?:[^"\\]|\\.)*"|[^ "]*)')


def table():
    """Event -> (levels, keys in their order)."""
    rows = {}
    for line in PAGE.read_text().splitlines():
        if line.startswith("| `"):
            event, levels, keys = (cell.strip() for cell in line.strip("|").split("|")[:3])
            words = set(re.findall(r"[A-Z]+", levels)) or {"ERROR", "WARN", "INFO", "DEBUG", "TRACE"}
            rows[event.strip("`")] = words, re.findall(r"`(\w+)`", keys)
    return rows


TABLE = table()
PARTS = {event.split(".")[0] for event in TABLE}


def parse(line):
    """(level, event, keys) of a line of the log in either form; None for what something else wrote to stderr."""
    if line.startswith('{"time":'):
        try:
            values = json.loads(line)
        except json.JSONDecodeError:
            return None
        keys = [key for key in values if key not in ("time", "level", "event")]
        return values["level"].upper(), values["event"], keys
    match = LINE.match(line)
    if match is None:
        return None
    level, event, rest = match.groups()
    pairs = PAIR.findall(rest)
    assert " ".join(f"{key}={value}" for key, value in pairs) == rest.lstrip(" "), f"torn line: {line}"
    return level, event, [key for key, _ in pairs]


def problem(line):
    """Why a line is not as the page has it; None when it is."""
    parsed = parse(line)
    if parsed is None:
        return None
    level, event, keys = parsed
    keys = [key for key in keys if key != "repeats"]
    if event not in TABLE:
        # What plugins say under names of their own is in their pages.
        own = "plugin" in keys and event.split(".")[0] not in PARTS - {"session", "message"}
        return None if own else f"unknown event: {line}"
    levels, known = TABLE[event]
    if level not in levels:
        return f"{event} is {' or '.join(sorted(levels))}: {line}"
    if event == "plugin.message":
        return None
    rest = iter(known)
    if not all(key in rest for key in keys):
        return f"{event} has the keys {' '.join(known)}, in this order: {line}"
    return None


def problems(lines):
    return [text for text in map(problem, lines) if text]
