"""How the tests talk with a client under test: one command or event a line, a word and fields, each value in
hexadecimal. Simple enough for C."""


def pack(word, **fields):
    """`publish`, topic="a" -> `publish topic=61`; fields that are None are left out."""
    def octets(value):
        if isinstance(value, bool):
            value = int(value)
        return value if isinstance(value, bytes) else str(value).encode()
    return " ".join([word, *(f"{name}={octets(value).hex()}" for name, value in fields.items() if value is not None)])


class Fields(dict):
    """Fields of a line as bytes; `text` and `number` read them as what they are."""

    def text(self, name, default=None):
        return self[name].decode() if name in self else default

    def number(self, name, default=0):
        return int(self[name]) if name in self else default


def unpack(line):
    word, *fields = line.split()
    return word, Fields((name, bytes.fromhex(value)) for name, value in (field.split("=", 1) for field in fields))


def say(word, **fields):
    """An event of a client under test, on its standard output."""
    print(pack(word, **fields), flush=True)
