import subprocess

import pytest

from broker import Broker
from peers import HERE, KINDS, PahoC
from transports import configuration, make_certificates


@pytest.fixture(scope="session")
def shared_broker(tmp_path_factory):
    """One broker with every transport for the matrix: its tests use topics and client identifiers of their own."""
    folder = tmp_path_factory.mktemp("interop")
    make_certificates(folder / "certs")
    with Broker(folder, threads=2, config=configuration(broker="threads: 2")) as broker:
        yield broker


@pytest.fixture(scope="session")
def paho_c(tmp_path_factory):
    """The client program for Paho C, compiled from source: it needs the headers that scripts/setup.sh installs."""
    program = tmp_path_factory.mktemp("paho-c") / "worker"
    subprocess.run(
        ["gcc", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-O1", "-o", program,
         HERE / "worker_paho_c.c", "-lpaho-mqtt3cs"], check=True)
    PahoC.program = program


def pytest_generate_tests(metafunc):
    """Each kind of client over each transport that it knows."""
    if "kind" in metafunc.fixturenames:
        ways = [(kind, transport) for kind, made in KINDS.items() for transport in made.transports]
        metafunc.parametrize(("kind", "transport"), ways, ids=["-".join(way) for way in ways])


@pytest.fixture(params=[4, 5], ids=["3.1.1", "5.0"])
def version(request):
    return request.param


@pytest.fixture
def peer(shared_broker, kind, transport, version, request):
    """Makes clients of the kind under test and ends them all."""
    if kind == "paho-c":
        request.getfixturevalue("paho_c")
    made = []

    def make():
        made.append(KINDS[kind](shared_broker, version, transport))
        return made[-1]

    yield make
    for one in made:
        one.kill()


@pytest.fixture
def name(request):
    """A word for topics and identifiers that no other test uses."""
    return request.node.name.replace("[", "-").replace("]", "").replace(".", "_")
