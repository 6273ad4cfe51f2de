"""Sealed chunks, over HTTP: put, get, list, delete. What is in them, nobody here can tell."""

import re
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from activitypub.errors import KeyFormatError
from activitypub.keys import parse_did_key
from fedserver.context import Context
from fedserver.errors import Invalid, NotFound
from fedserver.routing import Params, Reply, endpoint
from fedserver.survival.mirrors import keeping
from fedserver.survival.mirrors.keeping import Brought, NotKept
from fedserver.survival.mirrors.partners import PATH, partner
from fedserver.survival.mirrors.reading import Reader, reader_of
from storage.kept_chunks import CHUNK, CHUNK_OF_READER, CHUNKS, CHUNKS_OF_READER, ChunkRow
from storage.mirrors import ContractRow

MAX_LISTED: Final = 1_000
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_MAX_NAME_CHARS: Final = 200
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_PIECE_BYTES: Final = 256 * 1024


class ReadParams(Params, frozen=True):
    """Which chunk, and whose: `owner` is asked for only where one recovery key was of several."""

    name: str = ""
    owner: str | None = None


class ListParams(Params, frozen=True):
    """Which chunks: names with this `prefix`, in order, those after the name `after`."""

    prefix: str = ""
    after: str = ""
    limit: int = MAX_LISTED
    owner: str | None = None


@endpoint("PUT", f"{PATH}/chunk", rate="none")
async def put_chunk(ctx: Context, request: web.Request) -> Reply:
    """Keep a chunk for the instance that signs the request. 201, or 200 where it was here.

    The query has `name`, `sha256` of the content and perhaps `reader`, the did:key of the person
    whose kit it is. The signature covers all of that; so the body need not be signed as well, and
    is not read before it is known whose it is. 409 where the name is taken, 413, 422, 507.
    """
    contract = await partner(ctx, request, "chunks")
    name = checked_name(request.query.get("name", ""))
    reader = request.query.get("reader")
    if reader is not None:
        _check_did(reader)
    sha256 = checked_sha256(request)
    return await take(
        ctx, contract, request, Brought(name, "chunks", sha256, request.content_length, reader)
    )


async def take(
    ctx: Context, contract: ContractRow, request: web.Request, brought: Brought
) -> Reply:
    """Keep the body of a partner's request, and answer it."""
    try:
        is_new = await keeping.keep(ctx, contract, brought, _pieces(request))
    except NotKept as error:
        return Reply({"error": str(error)}, status=error.status)
    said = {"name": brought.name, "sha256": brought.sha256}
    return Reply(said, status=201 if is_new else 200)


async def _pieces(request: web.Request) -> AsyncIterator[bytes]:
    async for piece in request.content.iter_chunked(_PIECE_BYTES):
        yield piece


def checked_name(name: str) -> str:
    """Give the name of a chunk back; raises Invalid for what is none."""
    if len(name) > _MAX_NAME_CHARS or _NAME.fullmatch(name) is None:
        raise Invalid(
            f"A name has at most {_MAX_NAME_CHARS} letters, digits, dots, hyphens, underscores and"
            " slashes; no part of it begins with a dot or a hyphen"
        )
    return name


def checked_sha256(request: web.Request) -> str:
    """Give the hash that the query of a request announces; raises Invalid."""
    sha256 = request.query.get("sha256", "")
    if _SHA256.fullmatch(sha256) is None:
        raise Invalid("sha256 is the SHA-256 of the content, in 64 lower-case hex digits")
    return sha256


def _check_did(did: str) -> None:
    try:
        parse_did_key(did)
    except KeyFormatError:
        raise Invalid("reader is the did:key of a recovery key") from None


@endpoint("GET", f"{PATH}/chunk", rate="none")
async def get_chunk(ctx: Context, request: web.Request, params: ReadParams) -> web.StreamResponse:
    """Give a chunk, whole or in ranges (RFC 9110 §14), to who brought it or has the recovery key.

    404 for everybody else's, as for what is not there.
    """
    row = await _readable(ctx, await reader_of(ctx, request, params.owner), params.name)
    path = keeping.path_of(ctx, row)
    if not path.is_file():
        raise NotFound("The file of this chunk is lost here")
    headers = {
        "Content-Type": "application/octet-stream",
        "Cache-Control": "private, no-store",
    }
    return web.FileResponse(path, headers=headers)


async def _readable(ctx: Context, reader: Reader, name: str) -> ChunkRow:
    row = None
    if reader.contract is not None:
        row = await ctx.db.one(CHUNK, reader.contract.id, name)
    if row is None and reader.did is not None:
        row = await ctx.db.one(CHUNK_OF_READER, reader.did, name)
    if row is None:
        raise NotFound("Record not found")
    return row


@endpoint("GET", f"{PATH}/chunks", rate="none")
async def list_chunks(ctx: Context, request: web.Request, params: ListParams) -> Reply:
    """List a partner's chunks, or a person's kits, by name; `next` is the `after` of the next page.

    What is to be deleted is listed as long as it is kept, with the time when that ends.
    """
    reader = await reader_of(ctx, request, params.owner)
    limit = max(1, min(params.limit, MAX_LISTED))
    rows = await _listed(ctx, reader, params, limit)
    shown = [
        {
            "name": row.name,
            "size": row.size,
            "sha256": row.sha256,
            "stored_at": row.stored_at,
            "remove_after": row.remove_after,
        }
        for row in rows
    ]
    return Reply({"chunks": shown, "next": rows[-1].name if len(rows) == limit else None})


async def _listed(ctx: Context, reader: Reader, params: ListParams, limit: int) -> list[ChunkRow]:
    prefix = re.sub(r"([\\%_])", r"\\\1", params.prefix)
    if reader.contract is not None:
        return await ctx.db.fetch(CHUNKS, reader.contract.id, prefix, params.after, limit)
    return await ctx.db.fetch(CHUNKS_OF_READER, reader.did, prefix, params.after, limit)


@endpoint("DELETE", f"{PATH}/chunk", rate="none")
async def delete_chunk(ctx: Context, request: web.Request) -> Reply:
    """Take note that a chunk may go. 202 with the time until which it is kept all the same."""
    contract = await partner(ctx, request, "chunks")
    row = await keeping.mark_removed(ctx, contract, checked_name(request.query.get("name", "")))
    if row is None:
        raise NotFound("Record not found")
    return Reply({"name": row.name, "remove_after": row.remove_after}, status=202)
