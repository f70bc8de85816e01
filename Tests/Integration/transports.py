"""Brokers with all four transports, and certificates for them."""

import ssl

from broker import command

FILES = "cert: certs/server.pem, key: certs/server.key, ca: certs/ca.pem"
CONFIG = """
broker:
  %(broker)s
  listeners:
    tcp: { url: "mqtt://127.0.0.1:0", allow_anonymous: true }
    tls: { url: "mqtts://127.0.0.1:0", allow_anonymous: true, %(files)s%(tls)s }
    ws: { url: "ws://127.0.0.1:0/mqtt", allow_anonymous: true%(ws)s }
    wss: { url: "wss://127.0.0.1:0/mqtt", allow_anonymous: true, %(files)s }
"""


def make_certificates(folder, *arguments):
    done = command("certs", "init", *arguments, folder)
    assert done.returncode == 0, done.stderr
    return folder


def configuration(*, broker="", tls="", ws=""):
    return CONFIG % {"files": FILES, "broker": broker, "tls": tls and ", " + tls, "ws": ws and ", " + ws}


def address(broker, name):
    listener = broker.listener(name)
    return listener["host"], listener["port"]


def trusting(folder, certificate=None, *, protocols=()):
    """A TLS client that trusts the authority in `folder`."""
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    if certificate:
        context.load_cert_chain(folder / f"{certificate}.pem", folder / f"{certificate}.key")
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context
