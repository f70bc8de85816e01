"""The auth plugin with a password file made by `hookline passwd`."""

import pytest

from broker import command
from client import V5, V311, Client, Refused

CONFIG = """\
broker:
  listeners: {{ tcp: {{ url: "mqtt://127.0.0.1:0"{anonymous} }} }}
plugins:
  - {{ id: auth, config: {{ sources: [ {{ password_file: passwd }} ] }} }}
"""
versions = pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5.0"])


@pytest.fixture
def passwd(tmp_path):
    file = tmp_path / "passwd"
    assert command("passwd", "-c", "-b", file, "alice", "wonder").returncode == 0
    assert command("passwd", "-b", file, "zoë", "pässwörd").returncode == 0
    return file


@pytest.fixture
def guarded(serve, threads, passwd):
    return serve(threads=threads, config=CONFIG.format(anonymous=""))


@versions
@pytest.mark.parametrize("username, password", [("alice", "wonder"), ("zoë", "pässwörd")])
def test_the_right_password_gets_in(guarded, version, username, password):
    with Client(guarded, version=version, username=username, password=password) as client:
        client.subscribe("a", 1)
        client.publish("a", b"in", 1)
        assert client.receive().payload == b"in"


@versions
@pytest.mark.parametrize("username, password", [
    ("alice", "wrong"), ("alice", ""), ("alice", "wonder "), ("ALICE", "wonder"), ("nobody", "wonder"), (None, None),
    ("alice", None)])
def test_anything_else_is_refused(guarded, version, username, password):
    with pytest.raises(Refused) as refused:
        Client(guarded, version=version, username=username, password=password).connect()
    assert refused.value.code in (0x86, 0x87)


def test_a_refused_client_does_not_disturb_the_session_of_the_right_one(guarded):
    with Client(guarded, "device", username="alice", password="wonder", expiry=300) as client:
        client.subscribe("a", 1)
        for _ in range(3):
            with pytest.raises(Refused):
                Client(guarded, "device", username="alice", password="wrong").connect()
        client.publish("a", b"untouched", 1)
        assert client.receive().payload == b"untouched"


def test_anonymous_beside_auth_still_refuses_wrong_credentials(serve, passwd, threads):
    broker = serve(threads=threads, config=CONFIG.format(anonymous=", allow_anonymous: true"))
    with Client(broker):
        pass
    with Client(broker, username="alice", password="wonder"):
        pass
    with pytest.raises(Refused):
        Client(broker, username="alice", password="wrong").connect()


def test_a_new_user_gets_in_without_a_restart(guarded, passwd):
    before = len(guarded.log.lines)
    assert command("passwd", "-b", passwd, "bob", "builder").returncode == 0
    guarded.log.wait(r"auth\.", start=before)
    with Client(guarded, username="bob", password="builder"):
        pass


def test_a_burst_of_log_ins_does_not_stop_the_messages_of_others(guarded):
    """Hashing takes a while on purpose. Who has to wait too long is told so, not that the password is wrong."""
    with Client(guarded, username="alice", password="wonder") as talker:
        talker.subscribe("t", 1)
        clients = [Client(guarded, username="alice", password="wonder") for _ in range(40)]
        for client in clients:
            client.paho.connect_async(*client.address)
            client.paho.loop_start()
        for number in range(100):
            talker.publish("t", b"%d" % number, 1)
        assert [int(p) for p in talker.receive_payloads(100)] == list(range(100))
        codes = [client.connected().value for client in clients]
        assert codes[0] == 0 and set(codes) <= {0, 0x89}
        for client in clients:
            client.close()


def test_no_password_reaches_the_log(guarded):
    with pytest.raises(Refused):
        Client(guarded, username="alice", password="sesame-open-now").connect()
    guarded.stop()
    assert "sesame-open-now" not in guarded.log.text() and "wonder" not in guarded.log.text()


def test_a_missing_password_file_is_a_configuration_error(serve):
    broker = serve(config=CONFIG.format(anonymous=""), ready=False)
    assert broker.wait() == 78
    assert "passwd" in broker.log.text() and "plugins.yaml:4:" in broker.log.text()
