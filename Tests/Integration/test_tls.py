"""TLS seen from outside, with the clients and tools people use."""

import os
import re
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from broker import DEADLINE, command
from client import V5, V311, Client, Refused
from transports import address, configuration, make_certificates, trusting
from wire import connect


@pytest.fixture
def certs(tmp_path):
    return make_certificates(tmp_path / "certs")


def client(broker, certs, name="tls", certificate=None, **options):
    host, port = address(broker, name)
    files = {"ca_certs": str(certs / "ca.pem")}
    if certificate:
        files |= {"certfile": str(certs / f"{certificate}.pem"), "keyfile": str(certs / f"{certificate}.key")}
    transport = "websockets" if name.startswith("ws") else "tcp"
    return Client(broker, host=host, port=port, transport=transport, tls=None if name in ("tcp", "ws") else files,
                  **options)


@pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5.0"])
@pytest.mark.parametrize("name", ["tcp", "tls", "ws", "wss"])
def test_paho_speaks_over_every_transport(serve, threads, certs, name, version):
    broker = serve(config=configuration(), threads=threads)
    payload = os.urandom(200_000)
    with client(broker, certs, name, version=version) as here, client(broker, certs, "tcp", version=version) as there:
        here.subscribe("to/here/#", 2)
        there.subscribe("to/there/#", 2)
        for qos in range(3):
            here.publish("to/there/x", payload, qos)
            assert there.receive().payload == payload
            there.publish("to/here/x", payload, qos)
            assert here.receive().payload == payload


def test_mosquitto_clients_trust_the_authority(serve, certs):
    broker = serve(config=configuration())
    host, port = address(broker, "tls")
    common = ["-h", host, "-p", str(port), "--cafile", str(certs / "ca.pem"), "-t", "a/b"]
    pub = subprocess.run(["mosquitto_pub", *common, "-q", "1", "-r", "-m", "hello"], capture_output=True, text=True,
                         timeout=DEADLINE)
    assert pub.returncode == 0, pub.stderr
    sub = subprocess.run(["mosquitto_sub", *common, "-C", "1", "-W", str(int(DEADLINE))], capture_output=True,
                         text=True)
    assert sub.stdout == "hello\n", sub.stderr


def s_client(broker, *arguments):
    host, port = address(broker, "tls")
    return subprocess.run(["openssl", "s_client", "-connect", f"{host}:{port}", *arguments], input="",
                          capture_output=True, text=True, timeout=DEADLINE)


def test_openssl_sees_tls_1_3_the_chain_and_the_protocol(serve, certs):
    broker = serve(config=configuration())
    seen = s_client(broker, "-CAfile", str(certs / "ca.pem"), "-alpn", "mqtt", "-verify_return_error").stdout
    assert "TLSv1.3" in seen and "ALPN protocol: mqtt" in seen and "Verify return code: 0 (ok)" in seen


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_versions_before_1_2_are_refused(serve, certs, version):
    broker = serve(config=configuration())
    refused = s_client(broker, version, "-cipher", "ALL:@SECLEVEL=0")
    assert refused.returncode != 0 and "Cipher is (NONE)" in refused.stdout
    broker.log.wait("client.handshake_failed .*unsupported protocol")


@pytest.mark.parametrize("settings, options, spoken", [
    ("ciphers: ECDHE-ECDSA-CHACHA20-POLY1305", ["-tls1_2"], "Cipher is ECDHE-ECDSA-CHACHA20-POLY1305"),
    ("cipher_suites: TLS_CHACHA20_POLY1305_SHA256", ["-tls1_3"], "Cipher is TLS_CHACHA20_POLY1305_SHA256"),
    ("groups: P-384", [], "Server Temp Key: ECDH, .*384"),
    ("min_version: '1.3'", ["-tls1_2"], "Cipher is .NONE"),
    ("groups: P-384", ["-groups", "P-256"], "Cipher is .NONE"),
])
def test_what_is_spoken_can_be_chosen(serve, certs, settings, options, spoken):
    assert re.search(spoken, s_client(serve(config=configuration(tls=settings)), *options).stdout)


def test_the_certificate_is_the_one_for_the_name_that_is_asked_for(serve, certs, tmp_path):
    """RFC 6066, 3: with `certificates` a listener has several; a name nobody has gets the first."""
    other = make_certificates(tmp_path / "other", "--name", "broker.example.org")
    broker = serve(config=configuration(tls="certificates: [ { cert: other/server.pem, key: other/server.key } ]"))
    for name, folder in (("localhost", certs), ("broker.example.org", other), ("unknown.example.org", certs)):
        context = trusting(folder)
        context.check_hostname = name != "unknown.example.org"
        with socket.create_connection(address(broker, "tls"), DEADLINE) as plain:
            with context.wrap_socket(plain, server_hostname=name) as secured:
                assert secured.version() == "TLSv1.3"


@pytest.mark.parametrize("name, offered, taken", [
    ("tls", ["mqtt"], "mqtt"), ("tls", ["h2", "mqtt"], "mqtt"), ("wss", ["http/1.1"], "http/1.1"),
    ("tls", ["http/1.1"], None), ("wss", ["mqtt"], None),
])
def test_the_application_protocol_is_the_listeners_or_nobody_gets_in(serve, certs, name, offered, taken):
    """RFC 7301, 3.2"""
    context = trusting(certs, protocols=offered)
    with socket.create_connection(address(serve(config=configuration()), name), DEADLINE) as plain:
        if taken is None:
            with pytest.raises(ssl.SSLError, match="no application protocol"):
                context.wrap_socket(plain, server_hostname="localhost")
            return
        with context.wrap_socket(plain, server_hostname="localhost") as secured:
            assert secured.selected_alpn_protocol() == taken


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_a_session_is_resumed_by_the_same_client_until_the_files_change(serve, certs, version):
    broker = serve(config=mutual("cn"))
    context = trusting(certs, "client")
    context.maximum_version = version

    def log_in(session):
        """Whether the session was resumed, and the session to go on with. The broker takes the name from it."""
        seen = len(broker.log.lines)
        with socket.create_connection(address(broker, "tls"), DEADLINE) as plain:
            with context.wrap_socket(plain, server_hostname="localhost", session=session) as secured:
                secured.sendall(connect("resumed", version=4))
                assert secured.recv(4) == b"\x20\x02\x00\x00"
                broker.log.wait("client.connected .*user=client", start=seen)
                return secured.session_reused, secured.session

    first, session = log_in(None)
    second, _ = log_in(session)
    assert (first, second) == (False, True)
    (certs / "ca.pem").write_bytes((certs / "ca.pem").read_bytes())
    broker.log.wait("tls.reloaded .*listener=tls")
    third, _ = log_in(session)
    assert not third, "what the session rests on may have been revoked"


def test_secrets_for_wireshark_are_written_in_test_mode_only(serve, certs, tmp_path):
    keys = tmp_path / "keys.log"
    for arguments, exists in (([], False), (["--test-mode"], True)):
        broker = serve(*arguments, config=configuration(), env={"SSLKEYLOGFILE": str(keys)})
        with client(broker, certs):
            assert keys.exists() == exists
    assert "CLIENT_TRAFFIC_SECRET_0" in keys.read_text() and keys.stat().st_mode & 0o077 == 0


def test_ports_file_and_first_lines_name_the_authority(serve, certs):
    broker = serve(config=configuration())
    assert broker.ports["ca"] == str(certs / "ca.pem")
    broker.out.wait(f"clients trust the certificates in {certs / 'ca.pem'}")


# ---- client certificates

def mutual(identity="username", auth="require", more=""):
    return configuration(
        tls=f"client_ca: certs/ca.pem, client_auth: {auth}, identity: {identity}{more}").replace(
        'tls: { url: "mqtts://127.0.0.1:0", allow_anonymous: true', 'tls: { url: "mqtts://127.0.0.1:0"')


def test_a_certificate_is_the_log_in_and_the_user_name(serve, certs):
    broker = serve(config=mutual("cn"))
    with client(broker, certs, certificate="client", client_id="dev"):
        broker.log.wait("client.connected .*client=dev user=client .*listener=tls")


def test_the_first_alternative_name_may_be_the_user_name(serve, certs):
    make = ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-x509",
            "-CA", certs / "ca.pem", "-CAkey", certs / "ca.key", "-days", "1", "-subj", "/CN=some device",
            "-addext", "subjectAltName=URI:urn:dev:17,email:dev@example.org", "-addext", "extendedKeyUsage=clientAuth",
            "-keyout", certs / "alternative.key", "-out", certs / "alternative.pem"]
    subprocess.run(make, check=True, capture_output=True, timeout=DEADLINE)
    broker = serve(config=mutual("san"))
    with client(broker, certs, certificate="alternative", client_id="dev"):
        broker.log.wait("client.connected .*client=dev user=urn:dev:17 .*listener=tls")


def test_a_fingerprint_is_the_user_name_and_has_groups(serve, threads, certs, tmp_path):
    """Exactly this certificate: another one with the same name is another user."""
    said = subprocess.run(
        ["openssl", "x509", "-in", certs / "client.pem", "-noout", "-fingerprint", "-sha256"], check=True,
        capture_output=True, text=True).stdout
    fingerprint = said.split("=")[1].strip().replace(":", "").lower()
    (tmp_path / "acl.yaml").write_text(
        f"groups: {{ pumps: [{fingerprint}] }}\nrules:\n"
        '  - { group: pumps, publish: "pumps", subscribe: "pumps" }\n'
        '  - { group: machines, publish: "machines" }\n')
    another_client(certs, name="client", file="other")
    plugins = """plugins:
  - { id: auth, config: { sources: [ { client_certificate: { groups: [machines] } } ] } }
  - { id: acl, config: { file: acl.yaml } }
"""
    broker = serve(threads=threads, config=mutual("fingerprint") + plugins)
    with client(broker, certs, certificate="client") as pump, client(broker, certs, certificate="other") as other:
        assert pump.subscribe("pumps", 1) == 1
        assert pump.publish("machines", b"x", 1) in (0, 0x10)
        assert other.publish("machines", b"x", 1) in (0, 0x10)
        assert other.publish("pumps", b"x", 1) == 0x87
        pump.publish("pumps", b"x", 1)
        assert pump.receive().payload == b"x"


def test_without_a_certificate_the_handshake_fails(serve, certs):
    broker = serve(config=mutual())
    with pytest.raises((ssl.SSLError, OSError, ConnectionError)):
        client(broker, certs).connect()
    broker.log.wait("client.handshake_failed .*peer did not return a certificate")


def test_a_certificate_of_another_authority_is_refused(serve, certs, tmp_path):
    broker = serve(config=mutual())
    others = make_certificates(tmp_path / "others")
    context = trusting(certs)
    context.load_cert_chain(others / "client.pem", others / "client.key")
    with pytest.raises((ssl.SSLError, OSError)):
        with socket.create_connection(address(broker, "tls"), timeout=DEADLINE) as raw:
            with context.wrap_socket(raw, server_hostname="127.0.0.1") as wrapped:
                wrapped.recv(1)
    broker.log.wait("client.handshake_failed .*certificate verify failed")


def revoke(certs):
    """A revocation list with the client's certificate, made with openssl alone."""
    folder = certs.parent
    (folder / "index").write_text("")
    (folder / "ca.cnf").write_text(
        f"[ca]\ndefault_ca = d\n[d]\ndatabase = {folder}/index\ndefault_md = sha256\ndefault_crl_days = 30\n")
    base = ["openssl", "ca", "-config", folder / "ca.cnf", "-cert", certs / "ca.pem", "-keyfile", certs / "ca.key"]

    def run(*arguments):
        subprocess.run([*base, *arguments], check=True, capture_output=True)

    run("-gencrl", "-out", certs / "crl.pem")
    yield
    run("-revoke", certs / "client.pem")
    run("-gencrl", "-out", certs / "crl.new")
    os.rename(certs / "crl.new", certs / "crl.pem")
    yield


def another_client(certs, name="other", file="other"):
    """A second certificate of the same authority."""
    folder = certs.parent
    subprocess.run(
        ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
         f"/CN={name}", "-keyout", certs / f"{file}.key", "-out", folder / "other.csr"],
        check=True, capture_output=True)
    subprocess.run(
        ["openssl", "x509", "-req", "-in", folder / "other.csr", "-CA", certs / "ca.pem", "-CAkey", certs / "ca.key",
         "-days", "2", "-out", certs / f"{file}.pem"], check=True, capture_output=True)


def test_a_revoked_certificate_is_refused_as_soon_as_the_list_says_so(serve, threads, certs):
    """And nobody else notices: who is connected stays, and other certificates get in."""
    steps = revoke(certs)
    next(steps)
    another_client(certs)
    broker = serve(threads=threads, config=mutual("cn", more=", client_crl: certs/crl.pem"))
    with client(broker, certs, certificate="client") as before, client(broker, certs, certificate="other") as other:
        other.subscribe("t", 1)
        next(steps)
        broker.log.wait("tls.reloaded .*listener=tls")
        with pytest.raises((ssl.SSLError, OSError, ConnectionError)):
            client(broker, certs, certificate="client").connect()
        broker.log.wait("client.handshake_failed .*certificate verify failed")
        before.publish("t", b"still here", 1)
        assert other.receive().payload == b"still here"
        with client(broker, certs, certificate="other") as fresh:
            fresh.publish("t", b"fresh", 1)
        assert other.receive().payload == b"fresh"


# ---- files

def test_certificates_change_under_load_and_nothing_is_lost(serve, threads, certs, tmp_path):
    broker = serve(config=configuration(), threads=threads)
    others = make_certificates(tmp_path / "others")
    count = 2_000
    with client(broker, certs, client_id="sub") as subscriber, client(broker, certs, client_id="pub") as publisher:
        subscriber.subscribe("load", 1)
        done = threading.Event()

        def publish():
            for number in range(count):
                publisher.send("load", b"%d" % number, 1)
            done.set()

        sender = threading.Thread(target=publish)
        sender.start()
        for name in ("server.pem", "server.key"):
            os.replace(others / name, certs / name)
        broker.log.wait("tls.reloaded .*listener=tls")
        with client(broker, others):
            pass
        assert subscriber.receive_payloads(count) == [b"%d" % number for number in range(count)]
        sender.join()
        assert done.is_set()


def test_a_wrong_file_keeps_the_old_one_and_is_told(serve, certs):
    broker = serve(config=configuration())
    (certs / "server.pem").write_text("nonsense\n")
    broker.log.wait("tls.reload_refused .*listener=tls .*does not hold a certificate")
    with client(broker, certs):
        pass


def test_the_check_names_a_key_that_others_may_read(certs, tmp_path):
    (certs / "server.key").chmod(0o644)
    (tmp_path / "plugins.yaml").write_text(configuration())
    done = command("check", "plugins.yaml", cwd=tmp_path)
    assert done.returncode == 78
    assert "plugins.yaml:6:5: listener 'tls':" in done.stderr and "chmod 600" in done.stderr


def test_certs_init_never_writes_over_a_file(certs):
    before = {path.name: path.read_bytes() for path in certs.iterdir()}
    again = command("certs", "init", certs)
    assert again.returncode == 1 and "nothing was changed" in again.stderr
    assert command("certs", "init", "--if-missing", certs).returncode == 0
    assert before == {path.name: path.read_bytes() for path in certs.iterdir()}


def test_a_handshake_that_stalls_ends_with_the_time_for_connecting(serve, certs):
    broker = serve("--set", "broker.limits.connect_timeout=300ms", config=configuration())
    for name in ("tls", "ws", "wss"):
        with socket.create_connection(address(broker, name), timeout=DEADLINE) as silent:
            assert silent.recv(1) == b""


def test_wrong_credentials_are_refused_over_tls_as_well(serve, certs, tmp_path):
    assert command("passwd", "-c", "-b", "passwd", "alice", "right", cwd=tmp_path).returncode == 0
    config = configuration() + "plugins:\n  - { id: auth, config: { sources: [ { password_file: passwd } ] } }\n"
    broker = serve(config=config)
    with client(broker, certs, username="alice", password="right"):
        pass
    with pytest.raises(Refused):
        client(broker, certs, username="alice", password="wrong").connect()


def test_an_ephemeral_broker_makes_the_certificates_it_lacks_and_takes_them_away(serve, tmp_path):
    broker = serve(config=configuration(), env={"TMPDIR": str(tmp_path)})
    authority = Path(broker.ports["ca"])
    assert authority.parent.parent == tmp_path and authority.parent.stat().st_mode & 0o777 == 0o700
    host, port = address(broker, "tls")
    with Client(broker, host=host, port=port, tls={"ca_certs": str(authority)}) as there:
        there.subscribe("a", 1)
        there.publish("a", b"x", 1)
        assert there.receive().payload == b"x"
    broker.stop()
    assert not authority.parent.exists()


def test_a_broker_that_keeps_something_wants_its_certificates(serve):
    broker = serve(ready=False, ephemeral=False, config=configuration())
    assert broker.wait() == 78
    assert "certs/server.pem: no such file or directory" in broker.log.text()
