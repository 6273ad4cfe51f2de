"""Comparing who follows whom, two servers with each other (FEP-8fcf)."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from activitypub.errors import DocumentError

HEADER = "Collection-Synchronization"
_MAX_CHARS = 8_192
_PARAMETER = re.compile(r'([A-Za-z]+)="([^"\\]*)"')
_PARAMETERS = re.compile(rf"{_PARAMETER.pattern}(?:[ \t]*,[ \t]*{_PARAMETER.pattern})*")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAMES = ("collectionId", "url", "digest")


@dataclass(frozen=True, slots=True)
class Synchronization:
    """What a sender says of its followers at the receiver: where they are listed, and a digest."""

    collection_id: str
    url: str
    digest: str


def digest_of(follower_ids: Iterable[str]) -> str:
    """Give the digest of a partial followers collection: the SHA-256 of all ids, XORed, in hex."""
    combined = 0
    for follower_id in follower_ids:
        combined ^= int.from_bytes(hashlib.sha256(follower_id.encode()).digest())
    return f"{combined:064x}"


def write_header(said: Synchronization) -> str:
    """Give the value of the header."""
    return f'collectionId="{said.collection_id}", url="{said.url}", digest="{said.digest}"'


def read_header(value: str) -> Synchronization:
    """Read the value of the header. Raises DocumentError for anything malformed or repeated."""
    if len(value) > _MAX_CHARS or not _PARAMETERS.fullmatch(value.strip()):
        raise DocumentError("Collection-Synchronization is malformed")
    pairs = _PARAMETER.findall(value)
    given = dict(pairs)
    if len(given) < len(pairs) or any(name not in given for name in _NAMES):
        raise DocumentError("Collection-Synchronization lacks a parameter, or has one twice")
    digest = given["digest"].lower()
    if not _DIGEST.fullmatch(digest):
        raise DocumentError("Collection-Synchronization has no digest in hex")
    return Synchronization(given["collectionId"], given["url"], digest)
