"""Writes TokenSamples.swift: tokens and keys made by PyJWT and cryptography, so that two programs must agree.

python3 -m pip install pyjwt cryptography
python3 Tests/TokenTests/make_tokens.py > Tests/TokenTests/TokenSamples.swift
"""

import base64
import json

import jwt
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

SECRET = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
CLAIMS = {
    "sub": "alice", "exp": 2_000_000_000, "nbf": 1_000_000_000, "iss": "https://id.example", "aud": ["mqtt", "web"],
    "groups": ["staff", "site=forged"], "tenant": "acme", "site": "berlin", "lines": [1, 2], "realm": {"name": "north"}}


def numbers(value):
    size = (value.bit_length() + 7) // 8
    return base64.urlsafe_b64encode(value.to_bytes(size, "big")).rstrip(b"=").decode()


def fixed(value, size):
    return base64.urlsafe_b64encode(value.to_bytes(size, "big")).rstrip(b"=").decode()


def pem(key):
    return key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo).decode()


def ec_jwk(key, curve, size, name):
    public = key.public_key().public_numbers()
    x, y = fixed(public.x, size), fixed(public.y, size)
    return {"kty": "EC", "crv": curve, "x": x, "y": y, "kid": name, "use": "sig"}


def swift(name, text):
    """A text as a literal of lines that are not too long: a backslash at the end joins two of them."""
    lines = ["\\\n".join(line[at:at + 100] for at in range(0, max(len(line), 1), 100)) for line in text.splitlines()]
    indented = "\n".join(lines).replace("\n", "\n        ")
    print(f'    static let {name} = """\n        {indented}\n        """')


rsa_key = rsa.generate_private_key(65537, 2048)
small = rsa.generate_private_key(65537, 1024)
curves = {"ES256": ec.generate_private_key(ec.SECP256R1()), "ES384": ec.generate_private_key(ec.SECP384R1()),
          "ES512": ec.generate_private_key(ec.SECP521R1())}
edwards = ed25519.Ed25519PrivateKey.generate()
keys = {"HS": SECRET, "RS": rsa_key, "PS": rsa_key, "Ed": edwards}
public = rsa_key.public_key().public_numbers()
raw = edwards.public_key().public_bytes(form.Encoding.Raw, form.PublicFormat.Raw)
jwks = {"keys": [
    {"kty": "RSA", "n": numbers(public.n), "e": numbers(public.e), "kid": "rsa", "use": "sig"},
    ec_jwk(curves["ES256"], "P-256", 32, "p256"), ec_jwk(curves["ES384"], "P-384", 48, "p384"),
    ec_jwk(curves["ES512"], "P-521", 66, "p521"),
    {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(raw).rstrip(b"=").decode(), "kid": "ed"},
    {"kty": "oct", "k": base64.urlsafe_b64encode(SECRET.encode()).rstrip(b"=").decode(), "kid": "hs", "alg": "HS256"},
    {"kty": "RSA", "n": numbers(public.n), "e": numbers(public.e), "kid": "for-encryption", "use": "enc"},
    {"kty": "XYZ", "kid": "of the future"},
]}
names = {"R": "rsa", "P": "rsa", "H": "hs", "E": "ed"}

print("// Made by Tests/TokenTests/make_tokens.py with PyJWT; do not edit.\n// swift-format-ignore-file\n")
print("enum TokenSamples {")
print(f'    static let secret = "{SECRET}"')
swift("rsaPEM", pem(rsa_key))
swift("smallRSAPEM", pem(small))
for name, key in curves.items():
    swift(f"{name.lower()}PEM", pem(key))
swift("edwardsPEM", pem(edwards))
swift("jwks", "\n".join(json.dumps(jwks, indent=1).splitlines()))
print("    static let tokens: [(algorithm: String, token: String)] = [")
for algorithm in ("HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384",
                  "ES512", "EdDSA"):
    key = curves.get(algorithm) or keys[algorithm[:2]]
    name = {"ES256": "p256", "ES384": "p384", "ES512": "p521"}.get(algorithm) or names[algorithm[0]]
    token = jwt.encode(CLAIMS, key, algorithm, headers={"kid": name})
    print(f'        ("{algorithm}",')
    for start in range(0, len(token), 90):
        plus = "+ " if start else "  "
        print(f'            {plus}"{token[start:start + 90]}"')
    print("        ),")
print("    ]\n}")
