"""Names of onion services: reached through Tor only, and proof of who answers by themselves."""

import base64
import hashlib
import re
from typing import Final

_V3: Final = re.compile(r"[a-z2-7]{56}", re.ASCII)
_VERSION: Final = b"\x03"


def is_onion(host: str) -> bool:
    """Whether `host` ("name" or "name:port") lies under .onion (RFC 7686), well-formed or not."""
    return host.partition(":")[0].rstrip(".").lower().endswith(".onion")


def is_onion_service(host: str) -> bool:
    """Whether the name can be that of a service: version 3, with the right checksum (Tor's
    rend-spec-v3, [ONIONADDRESS]). Names before it are allowed, as a service may have several."""
    if not is_onion(host):
        return False
    label = host.partition(":")[0].rstrip(".").lower().split(".")[-2]
    if not _V3.fullmatch(label):
        return False
    decoded = base64.b32decode(label.upper())
    return label == onion_name(decoded[:32]).removesuffix(".onion")


def onion_name(public_key: bytes) -> str:
    """Give the name of the service that has this Ed25519 key (32 bytes)."""
    checksum = hashlib.sha3_256(b".onion checksum" + public_key + _VERSION).digest()[:2]
    text = base64.b32encode(public_key + checksum + _VERSION).decode().lower()
    return f"{text}.onion"
