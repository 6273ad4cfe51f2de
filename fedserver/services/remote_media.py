"""Peers' media for people here: fetched when somebody looks, told by content, kept for a while."""

import asyncio
import hashlib
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from activitypub.errors import ProtocolError
from activitypub.origins import host_of
from fedserver.context import Context
from fedserver.errors import FedserverError, Invalid, NotFound, Unreachable
from fedserver.outgoing import Limits
from fedserver.services import fetch, mirrored
from fedserver.services.attachments import image_limits, recording_limits
from fedserver.services.images import process_image, sniff
from fedserver.services.keeping import keep
from fedserver.services.recordings import SNIFFED_BYTES, look_into_recording, served_type
from storage.remote_media import (
    FIT_REMOTE_MEDIA,
    FORGET_UNUSED_REMOTE_MEDIA,
    PUT_REMOTE_MEDIA,
    REMOTE_MEDIA,
    USE_REMOTE_MEDIA,
)

_TOTAL_S: Final = 60.0
_ACCEPT: Final = "image/avif,image/webp,image/*,video/*,audio/*;q=0.9,*/*;q=0.1"
# Looking often writes seldom.
_NOTE_USE_AFTER: Final = timedelta(hours=6)
# What was of no use is asked for again after this.
_TRY_AGAIN_AFTER: Final = timedelta(hours=1)


class Variant(StrEnum):
    """What is made of a peer's file."""

    ORIGINAL = "original"
    SMALL = "small"


@dataclass(frozen=True, slots=True)
class _Found:
    data: bytes
    suffix: str


async def remote_blob(ctx: Context, url: str, variant: Variant) -> str:
    """Give the name of our own copy of what lies at `url`; it is fetched where there is none.

    All who ask at a time share one fetch. Raises NotFound where nothing of use could be had.
    """
    key = hashlib.sha256(f"{variant}\n{url}".encode()).digest()
    now = ctx.clock.now()
    known = await ctx.db.one(REMOTE_MEDIA, key)
    if known is not None and (known.blob or now - known.fetched_at < _TRY_AGAIN_AFTER):
        if known.blob is None:
            raise NotFound("Record not found")
        if now - known.used_at > _NOTE_USE_AFTER:
            await ctx.db.execute(USE_REMOTE_MEDIA, key, now)
        return known.blob
    return await fetch.once(ctx, f"media {variant} {url}", lambda: _brought(ctx, url, variant, key))


async def _brought(ctx: Context, url: str, variant: Variant, key: bytes) -> str:
    try:
        async with ctx.remote_media_places:
            found = await _made(ctx, await _fetched(ctx, url), variant)
    except (FedserverError, ProtocolError) as error:
        await ctx.db.execute(PUT_REMOTE_MEDIA, key, url, None, 0, ctx.clock.now())
        raise NotFound("Record not found") from error
    blob = await keep(ctx, found.data, suffix=found.suffix)
    await ctx.db.execute(PUT_REMOTE_MEDIA, key, url, blob, len(found.data), ctx.clock.now())
    return blob


async def _fetched(ctx: Context, url: str) -> bytes:
    """From where it lies, or, where nobody answers there, from a mirror that has it."""
    fetch.refuse_unfederated(ctx, host_of(url))
    try:
        return await _from_origin(ctx, url)
    except Unreachable:
        limit = ctx.config.media.max_remote_bytes
        found = await mirrored.file(ctx, url, max_bytes=limit, total_s=_TOTAL_S)
        if found is None:
            raise
        return found


async def _from_origin(ctx: Context, url: str) -> bytes:
    response = await ctx.out.request(
        "GET",
        url,
        headers={"Accept": _ACCEPT},
        limits=Limits(total_s=_TOTAL_S, max_bytes=ctx.config.media.max_remote_bytes),
        follow_redirects=True,
    )
    return fetch.accepted(url, response).body


async def _made(ctx: Context, data: bytes, variant: Variant) -> _Found:
    """Tell by content what it is, and make of it what browsers may be given. Raises Invalid."""
    head = data[:SNIFFED_BYTES]
    if sniff(head) is None:
        served = served_type(head)
        if served is None:
            raise Invalid("neither picture nor film nor sound")
        if variant is Variant.ORIGINAL:
            return _Found(data, served[1])
        data = await _still_of(ctx, data)
    image = await process_image(data, limits=image_limits(ctx))
    if variant is Variant.SMALL:
        return _Found(image.preview, image.preview_suffix)
    return _Found(image.original, image.suffix)


async def _still_of(ctx: Context, data: bytes) -> bytes:
    with tempfile.TemporaryFile() as film:
        await asyncio.to_thread(film.write, data)
        await asyncio.to_thread(film.flush)
        recording = await look_into_recording(film, limits=recording_limits(ctx))
    if not recording.still:
        raise Invalid("there is no picture in it")
    return recording.still


async def prune(ctx: Context) -> None:
    """Forget what nobody looked at for long, and what there is no room for."""
    media = ctx.config.media
    oldest = ctx.clock.now() - timedelta(days=media.cache_days)
    await ctx.db.execute(FORGET_UNUSED_REMOTE_MEDIA, oldest)
    await ctx.db.execute(FIT_REMOTE_MEDIA, media.cache_bytes)
