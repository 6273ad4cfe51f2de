"""The files themselves, for everybody who knows their names."""

import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.routing import Reply, endpoint
from fedserver.secrets import same
from fedserver.services.remote_media import Variant, remote_blob
from fedserver.uris import sign_remote

# By the suffix that we gave the file; what is not listed is offered as a download.
_CONTENT_TYPES: Final = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "aac": "audio/aac",
}
# A name is a hash of the content, so what it names never changes. Whatever a browser makes of a
# file, it runs nothing of it; and pages of other origins may show it.
_FILE_HEADERS: Final = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
# What lies at a peer's address may change.
_REMOTE_CACHE: Final = "public, max-age=604800"
_CHUNK_BYTES: Final = 1024 * 1024
_UPLOADED: Final = ".upload"


@endpoint("GET", "/media/{name}", rate="none")
async def serve_file(ctx: Context, request: web.Request, name: str) -> web.StreamResponse | Reply:
    """Serve a blob, whole or in ranges (RFC 9110 §14). Whoever knows the name may read it."""
    return await blob_response(ctx, request, name)


async def blob_response(
    ctx: Context, request: web.Request, name: str, more: Mapping[str, str] | None = None
) -> web.StreamResponse | Reply:
    """Give the content of a blob, with `more` headers. Raises NotFound."""
    headers = _FILE_HEADERS | _type_headers(name) | dict(more or {})
    try:
        # What was uploaded and not looked at yet is nobody's to read.
        if name.endswith(_UPLOADED) or not await ctx.blobs.exists(name):
            raise NotFound("Record not found")
        path = ctx.blobs.path(name)
    except ValueError as error:
        raise NotFound("Record not found") from error
    if path is not None:
        return web.FileResponse(path, headers=headers)
    elsewhere = await ctx.blobs.public_url(name)
    if elsewhere is not None:
        # Shorter than the address is valid.
        headers = {"Location": elsewhere, "Cache-Control": "max-age=1800"}
        return Reply(b"", status=302, content_type="text/plain", headers=headers)
    return await _from_bucket(ctx, request, name, headers)


@endpoint("GET", "/proxy/{signature}/{variant}/{named}", rate="none")
async def serve_remote(
    ctx: Context, request: web.Request, signature: str, variant: str, named: str
) -> web.StreamResponse | Reply:
    """Serve a peer's file that an answer of ours named. Without our signature nothing is fetched:
    nobody else decides what we ask whom for."""
    try:
        url = urlsafe_b64decode(named + "=" * (-len(named) % 4)).decode()
        wanted = Variant(variant)
    except ValueError as error:
        raise NotFound("Record not found") from error
    if not ctx.media_key or not same(sign_remote(ctx.media_key, url, variant), signature):
        raise NotFound("Record not found")
    name = await remote_blob(ctx, url, wanted)
    return await blob_response(ctx, request, name, {"Cache-Control": _REMOTE_CACHE})


def _type_headers(name: str) -> dict[str, str]:
    content_type = _CONTENT_TYPES.get(name.rpartition(".")[2])
    if content_type is None:
        return {"Content-Type": "application/octet-stream", "Content-Disposition": "attachment"}
    return {"Content-Type": content_type}


async def _from_bucket(
    ctx: Context, request: web.Request, name: str, headers: Mapping[str, str]
) -> web.StreamResponse:
    size = await ctx.blobs.size(name)
    start, end = _asked_range(request.headers.get("Range", ""), size)
    shown = {**headers, "Accept-Ranges": "bytes"}
    if start >= size > 0:
        return web.Response(status=416, headers={"Content-Range": f"bytes */{size}"})
    is_part = (start, end) != (0, size)
    if is_part:
        shown["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    response = web.StreamResponse(status=206 if is_part else 200, headers=shown)
    response.content_length = end - start
    await response.prepare(request)
    while start < end and request.method != "HEAD":
        chunk = await ctx.blobs.read_range(name, start, min(_CHUNK_BYTES, end - start))
        await response.write(chunk)
        start += len(chunk)
    await response.write_eof()
    return response


def _asked_range(header: str, size: int) -> tuple[int, int]:
    """Give start and end of the one range that is asked for; anything else means all of it."""
    found = _RANGE.fullmatch(header.strip())
    if found is None or not (found[1] or found[2]):
        return 0, size
    if not found[1]:
        return max(0, size - int(found[2])), size
    start = int(found[1])
    if start >= size:
        return start, start
    end = int(found[2]) + 1 if found[2] else size
    return (start, min(end, size)) if start < end else (0, size)
