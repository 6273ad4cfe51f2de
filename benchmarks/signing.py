"""Signing as Mastodon does it (draft-cavage-http-signatures-12, rsa-sha256), for both sides."""

import base64
import hashlib
import re
from datetime import datetime
from email.utils import format_datetime

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

_PARAMETER = re.compile(r'([a-zA-Z]+)="([^"]*)"')


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2048)


def public_pem(key: rsa.RSAPrivateKey) -> str:
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


def private_pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def digest(body: bytes) -> str:
    """Give the value of the Digest header (RFC 3230)."""
    return "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()


def signed_headers(
    key: rsa.RSAPrivateKey, key_id: str, host: str, path: str, body: bytes, now: datetime
) -> dict[str, str]:
    """Give the headers of a signed POST of `body` to `path` at `host`."""
    headers = {
        "Host": host,
        "Date": format_datetime(now, usegmt=True),
        "Digest": digest(body),
        "Content-Type": "application/activity+json",
    }
    signed = "".join(f"\n{name.lower()}: {value}" for name, value in headers.items())
    text = f"(request-target): post {path}{signed}".encode()
    signature = base64.b64encode(key.sign(text, padding.PKCS1v15(), SHA256())).decode()
    headers["Signature"] = (
        f'keyId="{key_id}",algorithm="rsa-sha256",'
        f'headers="(request-target) host date digest content-type",signature="{signature}"'
    )
    return headers


def signature_parameters(header: str) -> dict[str, str]:
    """Give the parameters of a Signature header."""
    return dict(_PARAMETER.findall(header))
