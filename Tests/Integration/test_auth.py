"""The auth plugin with a password file made by `hookline passwd`."""

import base64
import hashlib
import hmac
import subprocess
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from broker import DEADLINE, command
from client import V5, V311, Client, Refused
from wire import Wire, integer, packet, publish, string, subscribe

CONFIG = """\
broker:
  listeners: {{ tcp: {{ url: "mqtt://127.0.0.1:0"{anonymous} }} }}
plugins:
  - {{ id: auth, config: {{ sources: [ {{ password_file: passwd }} ] }}{more} }}
"""
# On a machine with more to do than it can, a hash takes seconds, and who waits in vain is told "busy" (0x89).
PATIENT = ", hooks: { auth.connect: { deadline: 60s } }"
versions = pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5.0"])


@pytest.fixture
def passwd(tmp_path):
    file = tmp_path / "passwd"
    assert command("passwd", "-c", "-b", file, "alice", "wonder").returncode == 0
    assert command("passwd", "-b", file, "zoë", "pässwörd").returncode == 0
    return file


@pytest.fixture
def guarded(serve, threads, passwd):
    return serve(threads=threads, config=CONFIG.format(anonymous="", more=PATIENT))


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
    broker = serve(threads=threads, config=CONFIG.format(anonymous=", allow_anonymous: true", more=PATIENT))
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


def test_a_burst_of_log_ins_does_not_stop_the_messages_of_others(serve, threads, passwd):
    """Hashing takes a while on purpose. Who has to wait too long is told so, not that the password is wrong."""
    guarded = serve(threads=threads, config=CONFIG.format(anonymous="", more=""))
    with Client(guarded, username="alice", password="wonder") as talker:
        talker.subscribe("t", 1)
        clients = [Client(guarded, username="alice", password="wonder") for _ in range(50)]
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
    guarded.stop()
    assert "did not decide in time" not in guarded.log.text(), "who is not looked at is told so before its deadline"


def test_no_password_reaches_the_log(guarded):
    with pytest.raises(Refused):
        Client(guarded, username="alice", password="sesame-open-now").connect()
    guarded.stop()
    assert "sesame-open-now" not in guarded.log.text() and "wonder" not in guarded.log.text()


def test_a_missing_password_file_is_a_configuration_error(serve):
    broker = serve(config=CONFIG.format(anonymous="", more=""), ready=False)
    assert broker.wait() == 78
    assert "passwd" in broker.log.text() and "plugins.yaml:4:" in broker.log.text()


# ---- files of other programs


def test_a_file_of_mosquitto_passwd_is_used_as_it_is(serve, threads, tmp_path):
    for user, password in (("alice", "wonder"), ("bob", "builder")):
        create = ["-c"] if user == "alice" else []
        subprocess.run(
            ["mosquitto_passwd", *create, "-b", tmp_path / "passwd", user, password], check=True, timeout=DEADLINE)
    broker = serve(threads=threads, config=CONFIG.format(anonymous="", more=PATIENT))
    with Client(broker, username="alice", password="wonder"), Client(broker, username="bob", password="builder"):
        pass
    with pytest.raises(Refused):
        Client(broker, username="alice", password="builder").connect()


def test_whoever_fails_too_often_waits(guarded):
    codes = []
    for _ in range(13):
        with pytest.raises(Refused) as refused:
            Client(guarded, username="mallory", password="guess").connect()
        codes.append(refused.value.code)
    assert set(codes[:11]) == {0x86} and 0x9F in codes[11:]
    guarded.log.wait(r"auth\.refused.*too many failed log-ins, waits 1 s")


# ---- tokens made by PyJWT

KEY = ec.generate_private_key(ec.SECP256R1())
JWT_CONFIG = """\
broker:
  listeners: { tcp: { url: "mqtt://127.0.0.1:0" } }
plugins:
  - id: auth
    config:
      sources:
        - jwt: { key: key.pem, audience: mqtt, leeway: 0s, groups: roles, account: tenant, claims: [site] }
  - { id: acl, config: { file: acl.yaml } }
"""


def token(lifetime=300, algorithm="ES256", key=KEY, **claims):
    return jwt.encode({"sub": "alice", "aud": "mqtt", "exp": int(time.time() + lifetime), **claims}, key, algorithm)


@pytest.fixture
def tokens(serve, threads, tmp_path):
    pem = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(pem)
    (tmp_path / "acl.yaml").write_text(
        'rules:\n  - { group: ops, publish: "%a/%{site}/%u", subscribe: "%a/#" }\n')
    return serve(threads=threads, config=JWT_CONFIG)


@versions
def test_a_token_says_who_its_bearer_is(tokens, version):
    password = token(roles=["ops"], tenant="acme", site="berlin")
    with Client(tokens, version=version, username="ignored", password=password) as client:
        client.subscribe("acme/#", 1)
        client.publish("acme/berlin/alice", b"mine", 1)
        assert client.receive().payload == b"mine"
        assert client.subscribe("other/#", 1) in (0x80, 0x87)


@pytest.mark.parametrize("bad", [
    lambda: token(-10), lambda: token(aud="mail"), lambda: token(key=ec.generate_private_key(ec.SECP256R1())),
    lambda: jwt.encode({"sub": "alice", "aud": "mqtt"}, KEY, "ES256"),
    lambda: jwt.encode({"sub": "alice", "aud": "mqtt", "exp": 4_000_000_000}, None, "none"),
    lambda: forged_with_the_public_key(), lambda: token()[:-4] + "AAAA", lambda: "eyJ.eyJ."])
def test_a_token_that_is_not_right_is_refused(tokens, bad):
    with pytest.raises(Refused) as refused:
        Client(tokens, username="alice", password=bad()).connect()
    assert refused.value.code == 0x86


def forged_with_the_public_key():
    """The public key, which everybody may know, as a shared secret: PyJWT refuses to do it, so by hand."""
    pem = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def part(raw):
        return base64.urlsafe_b64encode(raw).rstrip(b"=")
    head = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(b'{"sub":"alice","aud":"mqtt","exp":4000000000}')
    return (head + b"." + part(hmac.digest(pem, head, hashlib.sha256))).decode()


def test_the_connection_ends_when_the_token_does(tokens):
    with Client(tokens, username="x", password=token(lifetime=2)) as client:
        assert client.disconnected.wait(DEADLINE)


# ---- tokens that are replaced before they end

METHOD = "JWT"
TOKEN_ENDED = 0xA0


def method_and_data(data):
    inner = b"\x15" + string(METHOD) + b"\x16" + string(data)
    return integer(len(inner)) + inner


def with_token(broker, client_id, data):
    """A client that has logged in by enhanced authentication."""
    wire = Wire(broker, packet(1, string("MQTT") + bytes([5, 2, 0, 60]) + method_and_data(data) + string(client_id)))
    assert wire.expect(2)[1] == 0
    return wire


def renew(wire, data):
    wire.send(packet(15, b"\x19" + method_and_data(data)))


def is_alive(wire):
    wire.send(packet(12))
    wire.expect(13)


def test_a_token_that_is_renewed_keeps_the_connection(tokens):
    """MQTT 5.0, 4.12.1. The one that is not renewed ends, and shows that the time of the first token is over."""
    lifetime = 2
    with with_token(tokens, "renewed", token(lifetime)) as renewed, with_token(tokens, "ends", token(lifetime)) as ends:
        renew(renewed, token(300))
        assert renewed.expect(15)[0] == 0
        ends.expect_end(TOKEN_ENDED)
        is_alive(renewed)
        renew(renewed, token(lifetime))
        assert renewed.expect(15)[0] == 0
        renewed.expect_end(TOKEN_ENDED)


@pytest.mark.parametrize("bad", [
    lambda: token(-10), lambda: token(key=ec.generate_private_key(ec.SECP256R1())), lambda: "no token",
    lambda: token(sub="bob")], ids=["expired", "forged", "no token", "another user"])
def test_a_renewal_that_is_not_right_ends_the_connection(tokens, bad):
    with with_token(tokens, "c1", token()) as wire:
        renew(wire, bad())
        wire.expect_end(0x87)


def test_groups_that_a_renewed_token_lacks_are_lost(tokens):
    with with_token(tokens, "c1", token(roles=["ops"], tenant="acme", site="berlin")) as wire:
        wire.send(subscribe("acme/#", 1))
        assert wire.expect(9)[-1] == 1
        renew(wire, token(tenant="acme", site="berlin"))
        assert wire.expect(15)[0] == 0
        wire.send(publish("acme/berlin/alice", b"x", qos=1))
        assert wire.expect(4)[2] == 0x87
        wire.send(subscribe("acme/#", 1, identifier=2))
        assert wire.expect(9)[-1] == 0x87


def test_no_token_reaches_the_log(tokens):
    good, forged = token(), token(key=ec.generate_private_key(ec.SECP256R1()))
    with Client(tokens, username="x", password=good):
        pass
    with pytest.raises(Refused):
        Client(tokens, username="x", password=forged).connect()
    tokens.stop()
    assert good[-40:] not in tokens.log.text() and forged[-40:] not in tokens.log.text()
