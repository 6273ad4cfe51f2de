"""Uploads (Mastodon API: media)."""

import math
from typing import Any, Final

from fedserver import entities
from fedserver.context import Context
from fedserver.errors import Invalid, NotFound
from fedserver.routing import JSON, Caller, Params, Reply, UploadedFile, endpoint
from fedserver.services.attachments import Upload, new_preview, take_in
from storage.media import (
    DELETE_UNATTACHED_MEDIA,
    DESCRIBE_MEDIA,
    MEDIA_OF_OWNER,
    TOUCH_STATUS,
    MediaRow,
)
from storage.processing import SET_THUMBNAIL

Json = dict[str, Any]

_MAX_DESCRIPTION_CHARS: Final = 1_500
_NOT_VERIFIED: Final = "File type of uploaded media could not be verified"


class DescriptionParams(Params, frozen=True, kw_only=True):
    """What an attachment shows (None: as it is), as "x,y" from -1 to 1 what matters in it, and a
    picture to show before it is opened."""

    description: str | None = None
    focus: str | None = None
    thumbnail: UploadedFile | str | None = None


class UploadParams(DescriptionParams, frozen=True, kw_only=True):
    """A new attachment."""

    file: UploadedFile | str | None = None


@endpoint("POST", "/api/v1/media", scope="write:media", rate="media")
async def upload_and_wait(ctx: Context, caller: Caller, params: UploadParams) -> JSON:
    """Keep a file for a post, ready when this answers (Mastodon API: media#v1)."""
    row = await _uploaded(ctx, caller, params, wait=True)
    if row.state == "failed":
        await ctx.db.execute(DELETE_UNATTACHED_MEDIA, row.id, caller.account_id)
        raise Invalid(row.failure or _NOT_VERIFIED)
    return entities.media(ctx.uris, row)


@endpoint("POST", "/api/v2/media", scope="write:media", rate="media")
async def upload(ctx: Context, caller: Caller, params: UploadParams) -> Reply:
    """Keep a file for a post (Mastodon API: media#v2): 200 for images, 202 for what is still to
    be converted."""
    row = await _uploaded(ctx, caller, params, wait=False)
    return Reply(entities.media(ctx.uris, row), status=202 if row.state == "waiting" else 200)


async def _uploaded(ctx: Context, caller: Caller, params: UploadParams, *, wait: bool) -> MediaRow:
    if not isinstance(params.file, UploadedFile) or not params.file.size:
        raise Invalid("Validation failed: File can't be blank")
    focus = _focus(params.focus)
    sent = Upload(
        owner_id=caller.account_id,
        file=params.file.file,
        size=params.file.size,
        description=_description(params.description),
        meta={"focus": focus} if focus else {},
        thumbnail=_thumbnail(ctx, params),
    )
    return await _own_media(ctx, caller, await take_in(ctx, sent, wait=wait))


def _thumbnail(ctx: Context, params: DescriptionParams) -> bytes | None:
    given = params.thumbnail
    if not isinstance(given, UploadedFile) or not given.size:
        return None
    most = ctx.config.media.max_image_bytes
    if given.size > most:
        raise Invalid(f"Validation failed: Thumbnail must be less than {most // (1024 * 1024)} MB")
    return given.data


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
async def show_media(ctx: Context, caller: Caller, media_id: int) -> Reply:
    """Show one's own attachment (Mastodon API: media#get): 206 while it is being converted, 422
    when that failed."""
    row = await _own_media(ctx, caller, media_id)
    if row.state == "failed":
        raise Invalid(row.failure or _NOT_VERIFIED)
    return Reply(entities.media(ctx.uris, row), status=206 if row.state == "waiting" else 200)


async def _own_media(ctx: Context, caller: Caller, media_id: int) -> MediaRow:
    row = await ctx.db.one(MEDIA_OF_OWNER, media_id, caller.account_id)
    if row is None:
        raise NotFound("Record not found")
    return row


@endpoint("PUT", "/api/v1/media/{media_id}", scope="write:media")
async def describe_media(
    ctx: Context, caller: Caller, media_id: int, params: DescriptionParams
) -> Reply:
    """Change description or focus, also of a posted attachment (Mastodon API: media#update)."""
    row = await _own_media(ctx, caller, media_id)
    description, meta = described(row, params.description, params.focus)
    thumbnail = _thumbnail(ctx, params)
    preview = await new_preview(ctx, thumbnail) if thumbnail is not None else None
    async with ctx.db.transaction() as tx:
        await tx.execute(DESCRIBE_MEDIA, row.id, caller.account_id, description, meta)
        if preview is not None:
            await tx.execute(SET_THUMBNAIL, row.id, caller.account_id, *preview)
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
