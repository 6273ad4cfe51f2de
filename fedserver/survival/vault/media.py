"""Files of our own people: each is sealed once and brought to every target, and back."""

import asyncio
import hmac
import logging
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final

import msgspec
import pyrage

from fedserver.context import Context
from fedserver.recovery.sealing import CannotOpen, open_sealed, seal
from fedserver.survival.vault.targets import Target
from storage.blobs import BlobStore
from storage.vault import FORGET_MEDIA, KEPT_MEDIA, WAITING_MEDIA, WaitingBlob
from storage.vault_places import PlaceUnavailable

log = logging.getLogger(__name__)

MEDIA: Final = "media"
_PAGE: Final = 50
_HEAD_BYTES: Final = 2
_AT_ONCE: Final = 4
_TELL_EVERY: Final = 100
_AGAIN_AFTER_S: Final = 600.0


def place_of(key: bytes, name: str) -> str:
    """Give the name at the targets: it does not tell which file it is, so that nobody finds out
    there who has a picture that they know."""
    digest = hmac.new(key, name.encode(), sha256).hexdigest()
    return f"{MEDIA}/{digest[:2]}/{digest}"


def media_key(ctx: Context) -> bytes:
    """Give the key of those names."""
    return ctx.secrets.derived("vault media names")


class MediaKeeper:
    """Brings files to the targets. What a target did not take is tried again after a while, so that
    a target that is away does not cost sealing everything over and over."""

    def __init__(self, ctx: Context, targets: Sequence[Target], recipients: Sequence[str]) -> None:
        self._ctx = ctx
        self._targets = targets
        self._recipients = recipients
        self._put_off: dict[str, float] = {}

    async def keep(self, *, at_once: bool = False) -> int:
        """Bring what waits to the targets that lack it; gives how much arrived everywhere.
        `at_once`: also what was put off."""
        after, arrived = "", 0
        if at_once:
            self._put_off.clear()
        while rows := await self._ctx.db.fetch(WAITING_MEDIA, _PAGE, after):
            due = [row for row in rows if self._is_due(row.name)]
            for at in range(0, len(due), _AT_ONCE):
                some = due[at : at + _AT_ONCE]
                arrived += sum(await asyncio.gather(*map(self._keep, some)))
            after = rows[-1].name
        return arrived

    def _is_due(self, name: str) -> bool:
        return self._put_off.get(name, float("-inf")) <= self._ctx.clock.monotonic()

    async def _keep(self, row: WaitingBlob) -> bool:
        try:
            content = await self._ctx.blobs.read(row.name)
        except FileNotFoundError:
            return False  # written before its row, or removed before its note
        sealed = await asyncio.to_thread(seal_blob, row.name, content, self._recipients)
        name, have = place_of(media_key(self._ctx), row.name), set(row.targets)
        for target in self._targets:
            if target.label not in have and await self._bring(target, name, sealed):
                have.add(target.label)
        complete = have.issuperset(one.label for one in self._targets)
        await self._ctx.db.execute(KEPT_MEDIA, row.name, sorted(have), complete)
        self._put_off.pop(row.name, None)
        if not complete:
            self._put_off[row.name] = self._ctx.clock.monotonic() + _AGAIN_AFTER_S
        return complete

    async def _bring(self, target: Target, name: str, sealed: bytes) -> bool:
        try:
            await target.place.put(name, sealed)
        except PlaceUnavailable as error:
            log.warning("vault: %s does not take a file: %s", target.label, error)
            return False
        return True


async def forget(ctx: Context, targets: Sequence[Target], names: Sequence[str]) -> None:
    """Remove files at the targets that no row has named for long."""
    for name in names:
        for target in targets:
            await target.place.delete(place_of(media_key(ctx), name))
        await ctx.db.execute(FORGET_MEDIA, name)


def seal_blob(name: str, content: bytes, recipients: Sequence[str]) -> bytes:
    """Seal a file with its name."""
    text = name.encode()
    return seal(len(text).to_bytes(_HEAD_BYTES, "big") + text + content, recipients)


def open_blob(sealed: bytes, identity: pyrage.x25519.Identity) -> tuple[str, bytes]:
    """Give name and content back. Raises CannotOpen: also for a content that the name is not of,
    since anybody may seal something."""
    plain = open_sealed(sealed, identity)
    begin = _HEAD_BYTES + int.from_bytes(plain[:_HEAD_BYTES], "big")
    name, content = plain[_HEAD_BYTES:begin].decode("utf-8", "replace"), plain[begin:]
    if name.partition(".")[0] != sha256(content).hexdigest():
        raise CannotOpen("the file is not the one that its name says")
    return name, content


class MediaFound(msgspec.Struct):
    """How a restore of files went."""

    restored: int = 0
    there: int = 0
    missing: int = 0


async def bring_back(
    blobs: BlobStore,
    names: Sequence[str],
    targets: Sequence[Target],
    identity: pyrage.x25519.Identity,
    key: bytes,
    say: Callable[[str], None],
) -> MediaFound:
    """Fetch the files `names` that are not there, a few at once."""
    found, places = MediaFound(), asyncio.Semaphore(_AT_ONCE)

    async def bring(name: str) -> None:
        async with places:
            if await blobs.exists(name):
                found.there += 1
            elif await _bring(blobs, name, targets, identity, place_of(key, name)):
                found.restored += 1
            else:
                found.missing += 1
        if (number := found.restored + found.missing) % _TELL_EVERY == 0 and number:
            say(f"files: {number + found.there} of {len(names)}")

    for at in range(0, len(names), _PAGE):
        await asyncio.gather(*(bring(name) for name in names[at : at + _PAGE]))
    return found


async def _bring(
    blobs: BlobStore,
    name: str,
    targets: Sequence[Target],
    identity: pyrage.x25519.Identity,
    place: str,
) -> bool:
    for target in targets:
        try:
            sealed = await target.place.get(place)
            found, content = await asyncio.to_thread(open_blob, sealed, identity)
        except (FileNotFoundError, PlaceUnavailable, CannotOpen):
            continue
        if found == name:
            await blobs.put(content, suffix=name[name.index(".") :])
            return True
    return False
