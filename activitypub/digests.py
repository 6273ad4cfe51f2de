"""Body digests: the Digest header (RFC 3230) and its successor Content-Digest (RFC 9530)."""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

import http_sf

from activitypub.errors import SignatureError

MAX_HEADER_CHARS: Final = 2048
MAX_VALUES: Final = 4
_HASHES: Final = {"sha-256": "sha256", "sha-512": "sha512"}  # HTTP's name: hashlib's name


def digest_header(body: bytes) -> str:
    """The value of a `Digest` header for these bytes, with SHA-256 (RFC 3230 §4.3.2)."""
    return "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode("ascii")


def check_digest(header: str, body: bytes) -> None:
    """Compare a `Digest` header with the raw body; raises SignatureError.

    Algorithm names are case-insensitive. Values of unknown algorithms are passed over, but at
    least one must be SHA-256 or SHA-512, and all of those must match.
    """
    if len(header) > MAX_HEADER_CHARS:
        raise SignatureError("Digest header is too long")
    values = []
    for item in header.split(","):
        name, _, encoded = item.strip().partition("=")
        values.append((name.lower(), encoded))
    _compare(((name, _decode(encoded)) for name, encoded in values if name in _HASHES), body)


def content_digest_header(body: bytes) -> str:
    """The value of a `Content-Digest` header for these bytes, with sha-256 (RFC 9530 §2)."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode('ascii')}:"


def check_content_digest(header: str, body: bytes) -> None:
    """Compare a `Content-Digest` header with the raw body; raises SignatureError.

    The same rule as for `check_digest`: one of sha-256 and sha-512 must be there, all must match.
    """
    if len(header) > MAX_HEADER_CHARS:
        raise SignatureError("Content-Digest header is too long")
    try:
        members = http_sf.parse(header.encode(), tltype="dictionary")
    except ValueError as error:
        raise SignatureError("Content-Digest is not a structured dictionary") from error
    if not isinstance(members, dict):
        raise SignatureError("Content-Digest is not a structured dictionary")
    values = ((name, _bare(member)) for name, member in members.items() if name in _HASHES)
    _compare(values, body)


def _bare(member: object) -> object:
    """The value of a dictionary member without its parameters."""
    return member[0] if isinstance(member, tuple) else member


def _decode(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise SignatureError("Digest value is not base64") from error


def _compare(claimed: Iterable[tuple[str, object]], body: bytes) -> None:
    compared = 0
    for name, value in claimed:
        compared += 1
        if compared > MAX_VALUES:
            raise SignatureError("too many digest values")
        actual = hashlib.new(_HASHES[name], body).digest()
        if not isinstance(value, bytes) or not hmac.compare_digest(actual, value):
            raise SignatureError(f"{name} digest does not match the body")
    if not compared:
        raise SignatureError("no supported digest (sha-256 or sha-512)")
