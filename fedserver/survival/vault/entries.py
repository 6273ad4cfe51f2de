"""What lies at the targets: a chain of sealed and signed entries, each under a name of its own.

An entry is a manifest in the clear (what it is, the hash of the entry before, a signature) and
a payload that only the recipients open. Nothing here does any input or output.
"""

import hashlib
import re
import struct
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import pyrage
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from activitypub.errors import DocumentError
from activitypub.json_bytes import loads
from fedserver.errors import FedserverError
from fedserver.recovery.sealing import CannotOpen, open_sealed, seal
from fedserver.recovery.statements import NotVouchedFor, check_statement, sign_statement

LOG: Final = "log"
GENESIS, FILES, WAL = "genesis", "files", "wal"
BASE, BASE_END = "base", "base-end"
MINIMUM, MINIMUM_END = "minimum", "minimum-end"
DUMP, DUMP_END = "dump", "dump-end"
FIRST_PREVIOUS: Final = "0" * 64

_TYPE: Final = "VaultEntry"
_MAGIC: Final = b"fedserver vault 1\n"
_MAX_MANIFEST_BYTES: Final = 64 * 1024
_MAX_PLAIN_BYTES: Final = 256 * 1024 * 1024
_NAME: Final = re.compile(LOG + r"/(\d{10}-[0-9a-f]{8})/(\d{10})\.([a-z-]+)")
# A wrong clock, here or there, must not keep anybody from restoring: order is by number.
_ANY_TIME: Final = datetime(9999, 1, 1, tzinfo=UTC)


class Damaged(FedserverError):
    """An entry is not what its manifest says, or the manifest is not what was signed."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an entry says of itself. `about` depends on the kind."""

    chain: str
    sequence: int
    kind: str
    previous: str
    at: datetime
    sha256: str
    about: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it lies at the targets."""

    manifest: Manifest
    statement: Mapping[str, Any]
    payload: bytes
    digest: str

    @property
    def name(self) -> str:
        return name_of(self.manifest.chain, self.manifest.sequence, self.manifest.kind)


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """What the name of an entry tells."""

    chain: str
    sequence: int
    kind: str

    def __str__(self) -> str:
        return name_of(self.chain, self.sequence, self.kind)


def name_of(chain: str, sequence: int, kind: str) -> str:
    """Give the name of an entry: names sort as the entries follow each other."""
    return f"{LOG}/{chain}/{sequence:010d}.{kind}"


def read_name(text: str) -> Name | None:
    """Read the name of an entry; None for what is none."""
    found = _NAME.fullmatch(text)
    return Name(found[1], int(found[2]), found[3]) if found else None


def pack(plain: bytes, to: Iterable[str]) -> bytes:
    """Compress and seal. Some 20 ms a megabyte: not for the event loop."""
    return seal(zstandard.ZstdCompressor(level=3, write_content_size=True).compress(plain), to)


def unpack(payload: bytes, identity: pyrage.x25519.Identity) -> bytes:
    """Give back what was packed. Raises CannotOpen. Not for the event loop."""
    try:
        opened = open_sealed(payload, identity)
        return zstandard.ZstdDecompressor().decompress(opened, max_output_size=_MAX_PLAIN_BYTES)
    except zstandard.ZstdError as error:
        raise CannotOpen(f"what was sealed is damaged: {error}") from None


def write_entry(
    unsigned: Manifest, payload: bytes, *, by: Ed25519PrivateKey, now: datetime
) -> tuple[bytes, str]:
    """Give the bytes of an entry, and their SHA-256, which the next one has as `previous`."""
    statement = sign_statement({"type": _TYPE, **msgspec.to_builtins(unsigned)}, by=by, now=now)
    manifest = msgspec.json.encode(statement)
    data = _MAGIC + struct.pack("!I", len(manifest)) + manifest + payload
    return data, hashlib.sha256(data).hexdigest()


def read_entry(data: bytes) -> Entry:
    """Read the bytes of an entry. Raises Damaged; who signed it is for `check_signer`."""
    if not data.startswith(_MAGIC):
        raise Damaged("it is no entry of a vault")
    begin = len(_MAGIC) + 4
    length = int.from_bytes(data[len(_MAGIC) : begin], "big")
    if length > _MAX_MANIFEST_BYTES or len(data) < begin + length:
        raise Damaged("its manifest is cut off")
    try:
        statement = loads(data[begin : begin + length], max_bytes=_MAX_MANIFEST_BYTES)
        manifest = msgspec.convert(statement, Manifest)
    except (DocumentError, msgspec.ValidationError) as error:
        raise Damaged(f"its manifest cannot be read: {error}") from None
    payload = data[begin + length :]
    if statement.get("type") != _TYPE or hashlib.sha256(payload).hexdigest() != manifest.sha256:
        raise Damaged("its content is not the one that the manifest names")
    return Entry(manifest, statement, payload, hashlib.sha256(data).hexdigest())


def check_signer(entry: Entry, trusted: Collection[str]) -> str:
    """Give which of the `trusted` did:keys signed the manifest; raises Damaged."""
    try:
        return check_statement(entry.statement, trusted=trusted, now=_ANY_TIME)
    except NotVouchedFor as error:
        raise Damaged(f"its manifest: {error}") from None


def check_authorization(statement: Mapping[str, Any], recovery_did: str, kind: str) -> str:
    """Give the did:key of the instance that the recovery key vouches for; raises NotVouchedFor."""
    check_statement(statement, trusted=[recovery_did], now=_ANY_TIME)
    key = statement.get("key")
    if statement.get("type") != kind or not isinstance(key, str):
        raise NotVouchedFor("it is a statement about something else")
    return key
