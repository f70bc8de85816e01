"""The bound on the memory of the process, as `limits.max_memory` promises it."""

from wire import Wire, connect, publish

CONFIG = """
broker:
  limits: { max_memory: 128MiB, connect_rate_per_ip: unlimited }
  listeners: { tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true } }
"""
SIZE = 8 << 10


def is_let_in(broker):
    try:
        with Wire(broker, connect("newcomer")) as wire:
            return wire.expect(2)[1] == 0
    except (EOFError, OSError):
        return False


def retain(wire, numbers, payload):
    """Retained messages of QoS 1, a hundred on their way at a time."""
    numbers = list(numbers)
    for start in range(0, len(numbers), 100):
        some = numbers[start:start + 100]
        wire.send(*(publish(f"r/{n}", payload, qos=1, identifier=n % 65_000 + 1, retain=True) for n in some))
        for _ in some:
            wire.expect(4)


def test_retained_messages_count_and_a_broker_that_was_full_recovers(serve):
    broker = serve(config=CONFIG, plugins=True, threads=2)
    with Wire(broker, connect("filler")) as filler:
        filler.expect(2)
        count = 0
        while not any("memory.short" in line for line in broker.log.lines):
            retain(filler, range(count, count + 1_000), b"x" * SIZE)
            count += 1_000
            assert count * SIZE < 1 << 30, "a gibibyte was taken, and nothing was said"
        # From here on nothing grows: neither this store, nor the number of connections.
        seen = len(broker.log.lines)
        retain(filler, range(count, count + 100), b"x" * SIZE)
        broker.log.wait("message.dropped .*reason=retained_limit", start=seen)
        assert not is_let_in(broker)
        broker.log.wait("listener.failed .*reason=max_memory", start=seen)
        # What is there can be cleared, and then there is room again.
        retain(filler, range(count), b"")
        broker.log.wait("memory.enough")
        assert is_let_in(broker)
