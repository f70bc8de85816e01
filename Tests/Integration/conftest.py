import shutil
import signal

import pytest

from broker import HOOKLINE, SLOW, Broker


def pytest_configure(config):
    if not HOOKLINE.exists():
        raise pytest.UsageError(f"{HOOKLINE} does not exist; build first: swift build -c release")
    if shutil.which("mosquitto_pub") is None:
        raise pytest.UsageError("mosquitto_pub is missing; run scripts/setup.sh test")


def pytest_terminal_summary(terminalreporter):
    """Figures that tests record are worth a line each, also when they pass."""
    for report in terminalreporter.getreports("passed"):
        for name, value in getattr(report, "user_properties", []):
            terminalreporter.write_line(f"{name}: {value}")


@pytest.fixture(autouse=True)
def deadline():
    """A test that hangs fails with the line it hangs in."""
    def give_up(_number, _frame):
        raise TimeoutError("the test took too long")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(int(90 * SLOW))
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(params=[1, 2], ids=["one-loop", "two-loops"])
def threads(request):
    """Every behaviour holds on one event loop and across two."""
    return request.param


@pytest.fixture
def serve(tmp_path):
    """Starts brokers in the test's own folder and ends every one of them, also when the test fails."""
    started = []

    def start(*arguments, folder=None, ready=True, **options):
        broker = Broker(folder or tmp_path, *arguments, **options)
        started.append(broker)
        return broker.start() if ready else broker.launch()

    yield start
    for broker in started:
        broker.stop()


@pytest.fixture
def broker(serve, threads):
    """A memory-only broker without plugins: the protocol and nothing else."""
    return serve(threads=threads)
