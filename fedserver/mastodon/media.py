"""Uploads, and the files themselves (Mastodon API: media)."""

import math
from typing import Any, Final

from aiohttp import web

from fedserver import entities
from fedserver.context import Context
from fedserver.errors import Invalid, NotFound
from fedserver.routing import JSON, Caller, Params, Reply, UploadedFile, endpoint
from fedserver.services.images import ImageLimits, MediaType, ProcessedImage, process_image
from fedserver.uris import Uris
from storage.media import (
    DELETE_UNATTACHED_MEDIA,
    DESCRIBE_MEDIA,
    INSERT_MEDIA,
    MEDIA_OF_OWNER,
    TOUCH_STATUS,
    MediaRow,
)

Json = dict[str, Any]

_MAX_DESCRIPTION_CHARS: Final = 1_500
# By the suffix that we gave the file; what is not listed is offered as a download.
_CONTENT_TYPES: Final = {
    ".jpg": MediaType.JPEG,
    ".png": MediaType.PNG,
    ".gif": MediaType.GIF,
    ".webp": MediaType.WEBP,
    ".avif": MediaType.AVIF,
}
# A name is a hash of the content, so what it names never changes. Whatever a browser makes of a
# file, it runs nothing of it; and pages of other origins may show it.
_FILE_HEADERS: Final = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


class DescriptionParams(Params, frozen=True, kw_only=True):
    """What an attachment shows (None: as it is) and, as "x,y" from -1 to 1, what matters in it."""

    description: str | None = None
    focus: str | None = None


class UploadParams(DescriptionParams, frozen=True, kw_only=True):
    """A new attachment."""

    file: UploadedFile | str | None = None


@endpoint("POST", "/api/v1/media", scope="write:media", rate="media")
@endpoint("POST", "/api/v2/media", scope="write:media", rate="media")
async def upload(ctx: Context, caller: Caller, params: UploadParams) -> JSON:
    """Keep an image for a post (Mastodon API: media#v2). It is ready when this answers."""
    if not isinstance(params.file, UploadedFile) or not params.file.data:
        raise Invalid("Validation failed: File can't be blank")
    description, focus = _description(params.description), _focus(params.focus)
    image = await process_image(params.file.data, limits=image_limits(ctx))
    row = await _store(ctx, caller, image, description, focus)
    return entities.media(Uris(ctx.config.base_url), row)


def image_limits(ctx: Context) -> ImageLimits:
    """Give what an uploaded image may cost here."""
    media = ctx.config.media
    return ImageLimits(max_bytes=media.max_image_bytes, max_pixels=media.max_image_pixels)


async def _store(
    ctx: Context, caller: Caller, image: ProcessedImage, description: str | None, focus: Json | None
) -> MediaRow:
    blob = await ctx.blobs.put(image.original, suffix=image.suffix)
    preview = await ctx.blobs.put(image.preview, suffix=image.preview_suffix)
    row = MediaRow(
        id=ctx.ids.new(),
        account_id=caller.account_id,
        status_id=None,
        position=0,
        type="image",
        media_type=image.media_type,
        blob=blob,
        preview_blob=preview,
        remote_url=None,
        preview_remote_url=None,
        description=description,
        blurhash=image.blurhash,
        meta=_meta(image, focus),
        created_at=ctx.clock.now(),
    )
    await _insert(ctx, row)
    return row


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


def _meta(image: ProcessedImage, focus: Json | None) -> Json:
    meta = {
        "original": _size(image.width, image.height),
        "small": _size(image.preview_width, image.preview_height),
    }
    return meta | {"focus": focus} if focus else meta


def _size(width: int, height: int) -> Json:
    return {
        "width": width,
        "height": height,
        "size": f"{width}x{height}",
        "aspect": width / height,
    }


def _description(text: str | None) -> str | None:
    kept = (text or "").strip()
    if len(kept) > _MAX_DESCRIPTION_CHARS:
        raise Invalid(
            "Validation failed: Description is too long "
            f"(maximum is {_MAX_DESCRIPTION_CHARS} characters)"
        )
    return kept or None


def _focus(text: str | None) -> Json | None:
    """Read "x,y" (Mastodon API: focal points), clamped to the picture. Raises Invalid."""
    if text is None or not text.strip():
        return None
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError as error:
        raise Invalid("Validation failed: Focus is invalid") from error
    if not (math.isfinite(x) and math.isfinite(y)):
        raise Invalid("Validation failed: Focus is invalid")
    return {"x": max(-1.0, min(x, 1.0)), "y": max(-1.0, min(y, 1.0))}


def described(row: MediaRow, description: str | None, focus: str | None) -> tuple[str | None, Json]:
    """Give the description and meta of `row` after a change; None leaves as it is."""
    point = _focus(focus)
    meta = row.meta | {"focus": point} if point else row.meta
    return row.description if description is None else _description(description), meta


@endpoint("GET", "/api/v1/media/{media_id}", scope="write:media")
async def show_media(ctx: Context, caller: Caller, media_id: int) -> JSON:
    """Show one's own attachment (Mastodon API: media#get)."""
    row = await _own_media(ctx, caller, media_id)
    return entities.media(Uris(ctx.config.base_url), row)


async def _own_media(ctx: Context, caller: Caller, media_id: int) -> MediaRow:
    row = await ctx.db.one(MEDIA_OF_OWNER, media_id, caller.account_id)
    if row is None:
        raise NotFound("Record not found")
    return row


@endpoint("PUT", "/api/v1/media/{media_id}", scope="write:media")
async def describe_media(
    ctx: Context, caller: Caller, media_id: int, params: DescriptionParams
) -> JSON:
    """Change description or focus, also of a posted attachment (Mastodon API: media#update)."""
    row = await _own_media(ctx, caller, media_id)
    description, meta = described(row, params.description, params.focus)
    async with ctx.db.transaction() as tx:
        await tx.execute(DESCRIBE_MEDIA, row.id, caller.account_id, description, meta)
        if row.status_id is not None:
            await tx.execute(TOUCH_STATUS, row.status_id, caller.account_id)
    return await show_media(ctx, caller, media_id)


@endpoint("DELETE", "/api/v1/media/{media_id}", scope="write:media", rate="deletes")
async def delete_media(ctx: Context, caller: Caller, media_id: int) -> JSON:
    """Delete an attachment that is not posted (Mastodon API: media#delete)."""
    await _own_media(ctx, caller, media_id)
    if not await ctx.db.execute(DELETE_UNATTACHED_MEDIA, media_id, caller.account_id):
        raise Invalid("Media attachment is currently used by a status")
    return {}


@endpoint("GET", "/media/{name}", rate="none")
async def serve_file(ctx: Context, name: str) -> web.StreamResponse | Reply:
    """Serve a blob, whole or in ranges (RFC 9110 §14). Whoever knows the name may read it."""
    try:
        if not await ctx.blobs.exists(name):
            raise NotFound("Record not found")
        path = ctx.blobs.path(name)
    except ValueError as error:
        raise NotFound("Record not found") from error
    if path is None:
        content_type = _file_headers(name)["Content-Type"]
        return Reply(await ctx.blobs.read(name), content_type=content_type, headers=_FILE_HEADERS)
    return web.FileResponse(path, headers=_file_headers(name))


def _file_headers(name: str) -> dict[str, str]:
    content_type = _CONTENT_TYPES.get(f".{name.rpartition('.')[2]}")
    if content_type is None:
        download = {"Content-Type": "application/octet-stream", "Content-Disposition": "attachment"}
        return {**_FILE_HEADERS, **download}
    return {**_FILE_HEADERS, "Content-Type": content_type.value}
