"""A sealed kit, opened with the words: whose it is, and what is in it."""

import tempfile
from asyncio import to_thread
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, Final, cast

import msgspec

from activitypub.errors import DocumentError
from activitypub.model import Actor
from activitypub.parse import parse_actor
from fedserver.context import Context
from fedserver.errors import Invalid
from fedserver.recovery.identity import IDENTITY, check_identity
from fedserver.recovery.keys import RecoveryKey
from fedserver.recovery.sealing import CannotOpen, open_stream
from fedserver.recovery.statements import NotVouchedFor
from fedserver.survival.archives.container import FOLDER, KEYS, MANIFEST, MEDIA, ArchiveReader
from fedserver.survival.archives.posts import items_of

Json = dict[str, Any]

_IN_MEMORY_BYTES: Final = 16 * 1024 * 1024
_MAX_PEERS: Final = 20_000


class Peer(msgspec.Struct, frozen=True):
    """An inbox through which followers are reached."""

    inbox: str
    host: str
    shared: bool
    software: str | None
    version: str | None
    follower: str
    followers: int


class _Peers(msgspec.Struct, frozen=True):
    peers: list[Peer]


@dataclass(frozen=True, slots=True)
class OpenKit:
    """A kit, and the key that opened it and speaks for its owner. Both are in memory only."""

    key: RecoveryKey
    reader: ArchiveReader
    actor: Actor
    document: Mapping[str, Any]
    peers: tuple[Peer, ...]
    signing_key: str | None

    @property
    def uri(self) -> str:
        """The identity that the kit brings back."""
        return self.actor.id

    @property
    def followers(self) -> str | None:
        """Who was meant by the person's followers."""
        return self.actor.followers

    def posts(self) -> list[msgspec.Raw]:
        """Give the posts, unread."""
        return items_of(self.reader.read(f"{FOLDER}/outbox.json"))

    def file_of(self, url: str) -> str | None:
        """Give the name of a post's file."""
        name = f"{MEDIA}/{url.rpartition('/')[2]}"
        return name if name in self.reader else None

    def read(self, name: str, *, most: int) -> bytes:
        """Give a file."""
        return self.reader.read(name, most=most)


@asynccontextmanager
async def opened(ctx: Context, sealed: BinaryIO, key: RecoveryKey) -> AsyncIterator[OpenKit]:
    """Open a kit with the key of its owner; what it held is forgotten at the end of the block.

    Raises Invalid for what is no kit, was sealed to another key, was changed since, or is the kit
    of somebody whose recovery key this is not.
    """
    with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as file:
        plain = cast("BinaryIO", file)
        try:
            await to_thread(open_stream, sealed, plain, key.opening)
        except CannotOpen as error:
            raise Invalid(
                f"The kit cannot be opened: {error}. Are these the words it was made for, and is"
                " the file whole?"
            ) from None
        plain.seek(0)
        reader = await to_thread(_reader, plain)
        yield await to_thread(_read, reader, key, ctx.clock.now())


def _reader(plain: BinaryIO) -> ArchiveReader:
    try:
        reader = ArchiveReader(plain)
    except Invalid as error:
        raise Invalid(f"This is not a kit: {error}") from None
    if MANIFEST not in reader:
        raise Invalid("This is not a kit: it has no manifest")
    return reader


def _read(reader: ArchiveReader, key: RecoveryKey, now: datetime) -> OpenKit:
    document = reader.json(f"{FOLDER}/actor.json")
    try:
        actor = parse_actor(document)
    except DocumentError as error:
        raise Invalid(f"The actor in the kit cannot be read: {error.reason}") from None
    _require_owner(actor, key, now)
    return OpenKit(
        key=key,
        reader=reader,
        actor=actor,
        document=document,
        peers=_peers(reader),
        signing_key=reader.read(f"{KEYS}/main-key.pem", most=65_536).decode() or None,
    )


def _require_owner(actor: Actor, key: RecoveryKey, now: datetime) -> None:
    """The account must have said that this key is its owner's: anybody can seal to a recipient."""
    for statement in actor.statements:
        if statement.get("type") != IDENTITY:
            continue
        try:
            if check_identity(statement, actor.id, now) == key.public.did:
                return
        except NotVouchedFor:
            continue
    raise Invalid("The account in the kit does not name this recovery key as its own")


def _peers(reader: ArchiveReader) -> tuple[Peer, ...]:
    try:
        found = msgspec.json.decode(reader.read(f"{FOLDER}/peers.json"), type=_Peers)
    except msgspec.DecodeError as error:
        raise Invalid(f"The list of peers in the kit cannot be read: {error}") from None
    return tuple(found.peers[:_MAX_PEERS])
