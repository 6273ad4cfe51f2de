"""Public objects and media of other instances, over HTTP: brought by them while they are alive, and
given to other servers of the network, by their original address, when they are not."""

import asyncio
from typing import Any, Final

from aiohttp import web

from activitypub.errors import DocumentError
from activitypub.json_bytes import loads
from activitypub.origins import host_of
from fedserver.context import Context
from fedserver.errors import Invalid, NotFound
from fedserver.routing import Params, Reply, endpoint
from fedserver.services.mirrored import kept_file
from fedserver.survival.mirrors import kept_objects
from fedserver.survival.mirrors.chunks import checked_sha256, take
from fedserver.survival.mirrors.keeping import Brought
from fedserver.survival.mirrors.partners import PATH, partner, signing_instance
from storage.mirrored import KEPT_OBJECT

MAX_BYTES: Final = 1024 * 1024
MAX_DOCUMENTS: Final = 200
_ACTIVITY_TYPE: Final = "application/activity+json; charset=utf-8"
# It is not this server's: no cache keeps it longer than it stays here.
_HEADERS: Final = {"Cache-Control": "private, max-age=60"}


class UriParams(Params, frozen=True):
    """Which object: its original address."""

    uri: str = ""


class NameParams(Params, frozen=True):
    """Which file: the hash of its content and its suffix."""

    name: str = ""


@endpoint("POST", f"{PATH}/objects", rate="none")
async def take_objects(ctx: Context, request: web.Request) -> Reply:
    """Keep public objects and actors of the partner that signs the request, and forget what its
    people deleted: `{"documents": […]}`, each as its author signed it.

    Gives what was `refused`, by id and with the reason, and the names of `wanted` files.
    """
    if (request.content_length or MAX_BYTES + 1) > MAX_BYTES:
        return Reply({"error": f"At most {MAX_BYTES} bytes at once"}, status=413)
    body = await request.read()
    contract = await partner(ctx, request, "objects", body)
    taken = await kept_objects.take(ctx, contract, await asyncio.to_thread(_documents, body))
    return Reply({"refused": taken.refused, "wanted": taken.wanted_files})


def _documents(body: bytes) -> list[dict[str, Any]]:
    try:
        given = loads(body, max_bytes=MAX_BYTES).get("documents")
    except DocumentError as error:
        raise Invalid(f"That is no JSON that we can read: {error.reason}") from None
    if not isinstance(given, list) or len(given) > MAX_DOCUMENTS:
        raise Invalid(f"documents is a list of at most {MAX_DOCUMENTS}")
    return [one for one in given if isinstance(one, dict)]


@endpoint("PUT", f"{PATH}/media", rate="none")
async def put_media(ctx: Context, request: web.Request) -> Reply:
    """Keep a public file of the partner that signs the request, under its name there. As
    `put_chunk`; the name is the hash, so nothing can take its place."""
    contract = await partner(ctx, request, "media")
    name, sha256 = request.query.get("name", ""), checked_sha256(request)
    if kept_objects.FILE.fullmatch(name) is None or not name.startswith(sha256):
        raise Invalid("The name of a file is the SHA-256 of its content and a suffix")
    return await take(
        ctx, contract, request, Brought(name, "media", sha256, request.content_length)
    )


@endpoint("GET", f"{PATH}/objects", rate="none")
async def get_object(ctx: Context, request: web.Request, params: UriParams) -> Reply:
    """Give a partner's object as its author signed it, to any server that signs the request.

    404 for what is not here, was taken down, or is of a domain or person that is blocked here; 410
    for what its author deleted.
    """
    await signing_instance(ctx, request)
    row = await ctx.db.one(KEPT_OBJECT, params.uri)
    if row is None or _is_refused(ctx, row.uri):
        raise NotFound("Record not found")
    if row.body is None:
        return Reply({"error": "Its author has deleted it"}, status=410)
    return Reply(row.body, content_type=_ACTIVITY_TYPE, headers=_HEADERS)


@endpoint("GET", f"{PATH}/media", rate="none")
async def get_media(ctx: Context, request: web.Request, params: NameParams) -> web.StreamResponse:
    """Give a file that a kept object shows, by its name, to any server that signs the request."""
    await signing_instance(ctx, request)
    path = await kept_file(ctx, params.name)
    if path is None:
        raise NotFound("Record not found")
    headers = {"Content-Type": "application/octet-stream", **_HEADERS}
    return web.FileResponse(path, headers=headers)


def _is_refused(ctx: Context, uri: str) -> bool:
    return ctx.domains.refuses(host_of(uri))
