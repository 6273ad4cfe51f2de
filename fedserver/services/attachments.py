"""Uploads become attachments: images at once, videos and sounds by a worker."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import IO, Any, Final

from fedserver.context import Context
from fedserver.errors import Invalid
from fedserver.services.images import (
    ImageLimits,
    MediaType,
    ProcessedImage,
    process_image,
    sniff,
)
from fedserver.services.keeping import keep
from fedserver.services.recordings import (
    SNIFFED_BYTES,
    Recording,
    RecordingLimits,
    convert_recording,
    kind_of,
    sniff_recording,
)
from storage.media import INSERT_MEDIA, MediaRow
from storage.processing import (
    HOLD_MEDIA,
    INSERT_WAITING_MEDIA,
    MEDIA_FAILED,
    MEDIA_READY,
    RELEASE_MEDIA,
    TRIES_OF_MEDIA,
)

Json = dict[str, Any]

MAX_TRIES: Final = 3
CLAIM_FOR: Final = timedelta(seconds=90)
_HOLD_EVERY_S: Final = 30.0
_WRONG_TYPE: Final = "Validation failed: File content type is invalid, File is invalid"
_GAVE_UP: Final = "Validation failed: File is invalid"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that somebody sent to be posted, and what they said of it."""

    owner_id: int
    file: IO[bytes]
    size: int
    description: str | None = None
    meta: Json = field(default_factory=dict)
    thumbnail: bytes | None = None


def image_limits(ctx: Context) -> ImageLimits:
    """Give what an uploaded image may cost here."""
    media = ctx.config.media
    return ImageLimits(max_bytes=media.max_image_bytes, max_pixels=media.max_image_pixels)


def recording_limits(ctx: Context) -> RecordingLimits:
    """Give what an uploaded video or sound may cost here."""
    media = ctx.config.media
    return RecordingLimits(
        max_pixels=media.max_video_pixels,
        max_frame_rate=media.max_video_frame_rate,
        max_result_bytes=2 * media.max_video_bytes,
        max_memory_bytes=media.conversion_memory_bytes,
        timeout_s=media.conversion_timeout_s,
    )


async def take_in(ctx: Context, upload: Upload, *, wait: bool) -> int:
    """Keep an upload and give the id of its attachment; images are ready then, and with `wait`
    videos and sounds, too. Types are told by content. Raises Invalid."""
    head = await asyncio.to_thread(_head, upload.file)
    chosen = await _chosen_preview(ctx, upload)
    if sniff(head) is not None:
        return await _take_in_image(ctx, upload, chosen, wait=wait)
    if sniff_recording(head) is None:
        raise Invalid(_WRONG_TYPE)
    most = ctx.config.media.max_video_bytes
    if upload.size > most:
        raise Invalid(f"Validation failed: File must be less than {most // (1024 * 1024)} MB")
    return await _take_in_recording(ctx, upload, upload.file, kind_of(head), chosen, wait=wait)


def _head(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read(SNIFFED_BYTES)


def _whole(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


async def _chosen_preview(ctx: Context, upload: Upload) -> ProcessedImage | None:
    if upload.thumbnail is None:
        return None
    return await process_image(upload.thumbnail, limits=image_limits(ctx))


async def _take_in_image(
    ctx: Context, upload: Upload, chosen: ProcessedImage | None, *, wait: bool
) -> int:
    limits = image_limits(ctx)
    if upload.size > limits.max_bytes:
        raise Invalid(
            f"Validation failed: File must be less than {limits.max_bytes // (1024 * 1024)} MB"
        )
    image = await process_image(await asyncio.to_thread(_whole, upload.file), limits=limits)
    if image.media_type is MediaType.GIF:
        with tempfile.TemporaryFile() as animation:
            await asyncio.to_thread(animation.write, image.original)
            return await _take_in_recording(ctx, upload, animation, "gifv", chosen, wait=wait)
    row = MediaRow(
        id=ctx.ids.new(),
        account_id=upload.owner_id,
        status_id=None,
        position=0,
        type="image",
        media_type=image.media_type,
        blob=await keep(ctx, image.original, suffix=image.suffix),
        preview_blob=await _keep_preview(ctx, chosen or image),
        remote_url=None,
        preview_remote_url=None,
        description=upload.description,
        blurhash=(chosen or image).blurhash,
        meta={
            "original": size_meta(image.width, image.height),
            "small": _small(chosen or image),
            **upload.meta,
        },
        created_at=ctx.clock.now(),
    )
    await _insert(ctx, row)
    return row.id


async def _keep_preview(ctx: Context, image: ProcessedImage) -> str:
    return await keep(ctx, image.preview, suffix=image.preview_suffix)


async def _insert(ctx: Context, row: MediaRow) -> None:
    await ctx.db.execute(
        INSERT_MEDIA,
        row.id,
        row.account_id,
        row.status_id,
        row.position,
        row.type,
        row.media_type,
        row.blob,
        row.preview_blob,
        row.remote_url,
        row.preview_remote_url,
        row.description,
        row.blurhash,
        row.meta,
        row.created_at,
    )


async def _take_in_recording(
    ctx: Context,
    upload: Upload,
    file: IO[bytes],
    kind: str,
    chosen: ProcessedImage | None,
    *,
    wait: bool,
) -> int:
    """Keep the file as it came, and a row that says what is to be done: a crash loses nothing."""
    media_id, now = ctx.ids.new(), ctx.clock.now()
    source = await keep(ctx, file, suffix=".upload")
    meta = upload.meta
    if chosen is not None:
        meta = meta | {"small": _small(chosen), "colors": chosen.colors}
    await ctx.db.execute(
        INSERT_WAITING_MEDIA,
        media_id,
        upload.owner_id,
        kind,
        None,
        source,
        await _keep_preview(ctx, chosen) if chosen else None,
        upload.description,
        meta,
        now,
        now + CLAIM_FOR if wait else None,
        chosen.blurhash if chosen else None,
    )
    if wait:
        await work_on(ctx, media_id, source)
    return media_id


async def work_on(ctx: Context, media_id: int, source: str) -> None:
    """Make of a claimed upload what it is to be; how it ended is written to its row."""
    if (await ctx.db.value(TRIES_OF_MEDIA, media_id) or 0) > MAX_TRIES:
        await ctx.db.execute(MEDIA_FAILED, media_id, _GAVE_UP)
        return
    try:
        async with _held(ctx, media_id):
            await _convert(ctx, media_id, source)
    except Invalid as invalid:
        await ctx.db.execute(MEDIA_FAILED, media_id, str(invalid))
    except asyncio.CancelledError:
        await asyncio.shield(ctx.db.execute(RELEASE_MEDIA, media_id))
        raise


@asynccontextmanager
async def _held(ctx: Context, media_id: int) -> AsyncIterator[None]:
    """Keep the claim while the block runs: it is short, so that a crash is noticed soon."""

    async def hold() -> None:
        while True:
            await asyncio.sleep(_HOLD_EVERY_S)
            await ctx.db.execute(HOLD_MEDIA, media_id, ctx.clock.now() + CLAIM_FOR)

    holding = asyncio.create_task(hold())
    try:
        yield
    finally:
        holding.cancel()
        with suppress(asyncio.CancelledError):
            await holding


async def _convert(ctx: Context, media_id: int, source: str) -> None:
    with closing(await ctx.blobs.open(source)) as given, tempfile.TemporaryFile() as into:
        recording = await convert_recording(given, into, limits=recording_limits(ctx))
        size = into.seek(0, 2)
        blob = await keep(ctx, into, suffix=recording.suffix)
    still = await _still(ctx, recording)
    meta = recording_meta(recording, size)
    if still is not None:
        meta["small"] = _small(still)
        if recording.type == "audio":
            meta["colors"] = still.colors
    await ctx.db.execute(
        MEDIA_READY,
        media_id,
        recording.type,
        recording.media_type,
        blob,
        await _keep_preview(ctx, still) if still else None,
        still.blurhash if still else None,
        meta,
    )


async def _still(ctx: Context, recording: Recording) -> ProcessedImage | None:
    if not recording.still:
        return None
    try:
        return await process_image(recording.still, limits=image_limits(ctx))
    except Invalid:
        # A broken cover is no reason to refuse the sound.
        return None


def recording_meta(recording: Recording, size: int) -> Json:
    """Give `meta` of a video or sound (Mastodon API: MediaAttachment)."""
    seconds = round(recording.duration_s, 6)
    original: Json = {"duration": seconds, "bitrate": int(size * 8 / seconds) if seconds else 0}
    if recording.width and recording.height:
        original = {
            "width": recording.width,
            "height": recording.height,
            "frame_rate": recording.frame_rate or "0/0",
            **original,
        }
    return {"original": original}


def _small(image: ProcessedImage) -> Json:
    return size_meta(image.preview_width, image.preview_height)


def size_meta(width: int, height: int) -> Json:
    """Give the part of `meta` that describes one picture."""
    return {
        "width": width,
        "height": height,
        "size": f"{width}x{height}",
        "aspect": width / height,
    }


async def new_preview(ctx: Context, thumbnail: bytes) -> tuple[str, str, Json]:
    """Keep a preview that the uploader chose; give its name, blurhash and part of `meta`.

    Raises Invalid.
    """
    image = await process_image(thumbnail, limits=image_limits(ctx))
    meta = {"small": _small(image), "colors": image.colors}
    return await _keep_preview(ctx, image), image.blurhash, meta
