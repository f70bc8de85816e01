#!/usr/bin/env python3
"""Writes docs/conformance.md: every normative statement of MQTT 3.1.1 and 5.0 with the tests that carry its number.

usage: scripts/conformance.py [--check] [--root DIR]

The statements are Tests/ConformanceTests/statements.tsv. A test names what it checks in its own name, one number to a
bracket: [MQTT-3.8.3-1] is a statement of 5.0, [v3 MQTT-3.8.3-1] one of 3.1.1. Names are those of Swift's @Test("...")
or func `...`, and in Tests/Integration the first paragraph of a pytest function's docstring.

Without --check the page is written and the totals are printed. With --check nothing is written: each disagreement is
one line, and the exit status is 1 if there are any.
"""

import argparse
import ast
import csv
import re
import sys
from pathlib import Path

TABLE = "Tests/ConformanceTests/statements.tsv"
COLUMNS = ["version", "statement", "section", "binds", "paraphrase", "reason"]
VERSIONS = ["3.1.1", "5.0"]
BINDS = {"server": "Server", "client": "Client", "both": "both"}
# A reason that begins so is a debt: it is counted apart, and has to go when a test comes.
PENDING = "Pending: "
SWIFT_TEST = re.compile(
    r'@Test\(\s*(?:"""\s*\n(?P<block>.*?)"""|"(?P<line>(?:[^"\\]|\\.)*)")|\bfunc `(?P<raw>[^`\n]+)`', re.DOTALL)
BRACKET = re.compile(r"\[[^\[\]]*MQTT-[^\[\]]*\]")
NUMBER = re.compile(r"\[(v3 )?(MQTT-[^\s,\]]+)\]")
CHAPTERS = {
    "1": "Introduction", "2": "Control packet format", "3": "Control packets", "4": "Operational behaviour",
    "5": "Security", "6": "WebSocket", "7": "Conformance",
}


class Test:
    """A test that names statements."""

    def __init__(self, path, line, name):
        self.path, self.line = path, line
        self.title = " ".join(BRACKET.sub("", name).split())
        self.brackets = BRACKET.findall(name)

    def statements(self):
        """Version and number of each bracket; None where a bracket is not one number."""
        for bracket in self.brackets:
            match = NUMBER.fullmatch(bracket)
            yield bracket, match and ("3.1.1" if match[1] else "5.0", match[2])


def read_statements(root):
    with open(root / TABLE, newline="", encoding="utf-8") as file:
        table = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        header = next(table)
        if header != COLUMNS:
            sys.exit(f"{TABLE}:1: the columns are {header}, they must be {COLUMNS}")
        return [dict(zip(COLUMNS, row, strict=True)) for row in table]


def swift_tests(path, text):
    for match in SWIFT_TEST.finditer(text):
        # In a block, a backslash ends a line that goes on.
        name = re.sub(r"\\\n\s*", "", match["block"]) if match["block"] else match["line"] or match["raw"] or ""
        yield Test(path, text.count("\n", 0, match.start()) + 1, name)


def python_tests(path, text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            first = (ast.get_docstring(node) or "").split("\n\n")[0]
            said = node.name.removeprefix("test_").replace("_", " ")
            yield Test(path, node.lineno, said[0].upper() + said[1:] + "".join(BRACKET.findall(first)))


def read_tests(root):
    found = []
    for path in sorted((root / "Tests").rglob("*.swift")):
        found += swift_tests(path.relative_to(root), path.read_text(encoding="utf-8"))
    for path in sorted((root / "Tests/Integration").glob("test_*.py")):
        found += python_tests(path.relative_to(root), path.read_text(encoding="utf-8"))
    return [test for test in found if test.brackets]


def is_pending(row):
    return row["reason"].startswith(PENDING)


def incomplete(statements):
    """Rows that no page can be made of."""
    for number, row in enumerate(statements, start=2):
        if row["version"] not in VERSIONS or row["binds"] not in BINDS or not row["section"] or not row["paraphrase"]:
            yield f"{TABLE}:{number}: {row['statement']} needs a version, a section, whom it binds and a paraphrase"


def match(statements, tests):
    """Tests by statement, and the disagreements found on the way."""
    table, problems = {}, []
    for number, row in enumerate(statements, start=2):
        key = (row["version"], row["statement"])
        if key in table:
            problems.append(f"{TABLE}:{number}: {row['statement']} of {row['version']} stands here a second time")
        table[key] = []
    for test in tests:
        for bracket, key in test.statements():
            if key is None:
                problems.append(f"{test.path}:{test.line}: {bracket} must be one number, such as [MQTT-3.8.3-1]")
            elif key not in table:
                problems.append(f"{test.path}:{test.line}: MQTT {key[0]} has no statement {key[1]}")
            elif test not in table[key]:
                table[key].append(test)
    for number, row in enumerate(statements, start=2):
        found, place = table[row["version"], row["statement"]], f"{TABLE}:{number}"
        if not found and not row["reason"]:
            problems.append(f"{place}: {row['statement']} of {row['version']} has neither a test nor a reason")
        if found and row["reason"]:
            problems.append(
                f"{place}: {row['statement']} of {row['version']} has a test, {found[0].path}:{found[0].line}, "
                "and a reason to have none")
    return table, problems


def totals(statements, table):
    lines = []
    for version in VERSIONS:
        rows = [row for row in statements if row["version"] == version]
        tested = sum(1 for row in rows if table[version, row["statement"]])
        client = sum(1 for row in rows if row["reason"] and row["binds"] == "client")
        pending = sum(1 for row in rows if is_pending(row) and row["binds"] != "client")
        untestable = sum(1 for row in rows if row["reason"]) - client - pending
        lines.append((version, len(rows), tested, client, untestable, pending))
    return lines


def page(statements, table):
    out = [
        "# Conformance",
        "",
        "Every normative statement of both specifications: whom it binds, what it says in our words, and the tests",
        "that carry its number, or why there is none. \"Both\" includes what a Client must do and a Server enforce.",
        "This page is written by `make conformance` from",
        "[statements.tsv](../Tests/ConformanceTests/statements.tsv) and from the names of the tests;",
        "`Tests/TidyTests` fails when they disagree.",
        "",
        "| version | statements | tested | bind Clients only | cannot be tested | pending |",
        "|---|---|---|---|---|---|",
    ]
    out += ["| " + " | ".join(str(cell) for cell in line) + " |" for line in totals(statements, table)]
    chapter = None
    for row in statements:
        if chapter != (row["version"], row["section"][0]):
            chapter = (row["version"], row["section"][0])
            out += [
                "",
                f"## MQTT {chapter[0]}, chapter {chapter[1]}: {CHAPTERS[chapter[1]]}",
                "",
                "| version | statement | section | binds | in our words | tests or reason |",
                "|---|---|---|---|---|---|",
            ]
        tests = table[row["version"], row["statement"]]
        shown = "<br>".join(f"[{test.path.stem}](../{test.path}): {test.title}" for test in tests)
        cells = [row["version"], row["statement"], row["section"], BINDS[row["binds"]], row["paraphrase"]]
        cells.append(shown or row["reason"] or "**none**")
        out.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(out) + "\n"


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--check", action="store_true", help="write nothing, list what disagrees")
    options.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    arguments = options.parse_args()
    statements = read_statements(arguments.root)
    if unfinished := list(incomplete(statements)):
        sys.exit("\n".join(unfinished))
    table, problems = match(statements, read_tests(arguments.root))
    document, text = arguments.root / "docs/conformance.md", page(statements, table)
    if not arguments.check:
        document.write_text(text, encoding="utf-8")
    elif not document.exists() or document.read_text(encoding="utf-8") != text:
        problems.append("docs/conformance.md: not what statements.tsv and the tests say; run `make conformance`")
    for problem in problems:
        print(problem)
    for version, *counts in totals(statements, table):
        print(f"MQTT {version:5}  " + "  ".join(
            f"{count} {word}"
            for count, word in zip(counts, ["statements:", "tested,", "client-only,", "not testable,", "pending"])))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
