"""Keeping bytes for a partner: streamed to the data folder, never overwritten, within the quota."""

from collections.abc import AsyncIterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from fedserver.context import Context
from fedserver.errors import FedserverError
from fedserver.services.mirrored import KEPT_SUFFIX, kept_folder
from storage.blobs import BlobFolder, Incoming, TooMuch
from storage.database import Conflict
from storage.kept_chunks import (
    CHUNK,
    CHUNKS_DUE,
    CONTENT_STILL_NAMED,
    COUNT_KEPT,
    DELETE_CHUNK,
    INSERT_CHUNK,
    REMOVE_CHUNK,
    UNNAMED_CONTENT,
    WANTED_AGAIN,
    ChunkRow,
)
from storage.mirrors import LOCK_CONTRACT, ContractRow

MAX_CHUNK_BYTES: Final = 64 * 1024 * 1024
_AT_ONCE: Final = 100
_NAMES_AT_ONCE: Final = 1_000
# A file gets its name within this time of its coming, or never.
_COMES_WITHIN: Final = timedelta(hours=6)


class NotKept(FedserverError):
    """What was brought is not kept; `status` is the HTTP status that says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Brought:
    """What a partner says of the bytes that it brings."""

    name: str
    kind: str
    sha256: str
    size: int | None
    reader_did: str | None = None


def path_of(ctx: Context, row: ChunkRow) -> Path:
    """Give the file of a chunk."""
    return kept_folder(ctx, row.contract_id).path(row.sha256 + KEPT_SUFFIX)


async def keep(
    ctx: Context, contract: ContractRow, brought: Brought, pieces: AsyncIterable[bytes]
) -> bool:
    """Keep what a partner brings; False where it was here already. Durable when it returns.

    Raises NotKept: 409 where the name has other content, 413 above MAX_CHUNK_BYTES, 507 above
    the quota, 422 where the bytes are not those that were announced.
    """
    known = await ctx.db.one(CHUNK, contract.id, brought.name)
    if known is not None:
        _refuse_other_content(known, brought.sha256)
        if path_of(ctx, known).is_file():
            await ctx.db.execute(WANTED_AGAIN, known.id)
            return False
    refuse_too_much(contract, brought.size or 0)
    place = kept_folder(ctx, contract.id)
    incoming = await _received(place, pieces)
    try:
        if incoming.sha256 != brought.sha256:
            raise NotKept(422, "The content does not have the SHA-256 that was announced")
        return await _settle(ctx, contract, brought, place, incoming)
    finally:
        await place.drop(incoming)


def refuse_too_much(contract: ContractRow, size: int) -> None:
    """Raise NotKept for what is too large by itself, or with what is here already."""
    if size > MAX_CHUNK_BYTES:
        raise NotKept(413, f"A chunk has at most {MAX_CHUNK_BYTES} bytes")
    if contract.kept_bytes + size > contract.kept_quota:
        raise NotKept(
            507,
            f"The quota of {contract.kept_quota} bytes is used up: {contract.kept_bytes} bytes are"
            " kept here. Delete old chunks, or agree on a larger quota",
        )


def _refuse_other_content(known: ChunkRow, sha256: str) -> None:
    if known.sha256 != sha256:
        raise NotKept(409, "There is something else under this name, and nothing is overwritten")


async def _received(place: BlobFolder, pieces: AsyncIterable[bytes]) -> Incoming:
    try:
        return await place.receive(pieces, max_bytes=MAX_CHUNK_BYTES)
    except TooMuch:
        raise NotKept(413, f"A chunk has at most {MAX_CHUNK_BYTES} bytes") from None


async def _settle(
    ctx: Context, contract: ContractRow, brought: Brought, place: BlobFolder, incoming: Incoming
) -> bool:
    """Under the contract's lock, so that the quota holds and no file goes that is being named."""
    try:
        async with ctx.db.transaction() as tx:
            current = await tx.one(LOCK_CONTRACT, contract.id)
            if current is None or current.state != "agreed":
                raise NotKept(403, "The contract has ended")
            known = await tx.one(CHUNK, contract.id, brought.name)
            if known is not None:
                _refuse_other_content(known, incoming.sha256)
                await place.keep(incoming, suffix=KEPT_SUFFIX)
                return await tx.execute(WANTED_AGAIN, known.id) == 0
            refuse_too_much(current, incoming.size)
            await place.keep(incoming, suffix=KEPT_SUFFIX)
            await tx.execute(
                INSERT_CHUNK,
                *(ctx.ids.new(), contract.id, brought.name, brought.kind, incoming.sha256),
                *(incoming.size, brought.reader_did, ctx.clock.now()),
            )
            await tx.execute(COUNT_KEPT, contract.id, incoming.size)
    except Conflict:
        raise NotKept(409, "Something else came under this name at the same time") from None
    return True


async def mark_removed(ctx: Context, contract: ContractRow, name: str) -> ChunkRow | None:
    """Take note that the partner wants a chunk deleted, and give it. It stays for the days that
    were agreed on: what somebody deletes who was forced to, or who took the instance over, can
    still be had."""
    until = ctx.clock.now() + timedelta(days=contract.retention_days)
    await ctx.db.execute(REMOVE_CHUNK, contract.id, name, until)
    return await ctx.db.one(CHUNK, contract.id, name)


async def remove_due(ctx: Context) -> int:
    """Remove some of what was to be deleted and has been kept long enough. Gives how many."""
    rows = await ctx.db.fetch(CHUNKS_DUE, ctx.clock.now(), _AT_ONCE)
    for row in rows:
        await _remove(ctx, row)
    return len(rows)


async def _remove(ctx: Context, row: ChunkRow) -> None:
    async with ctx.db.transaction() as tx:
        await tx.one(LOCK_CONTRACT, row.contract_id)
        if not await tx.execute(DELETE_CHUNK, row.id, ctx.clock.now()):
            return
        await tx.execute(COUNT_KEPT, row.contract_id, -row.size)
        if not await tx.value(CONTENT_STILL_NAMED, row.contract_id, row.sha256):
            await kept_folder(ctx, row.contract_id).delete(row.sha256 + KEPT_SUFFIX)


async def remove_unnamed(ctx: Context, contract_id: int) -> int:
    """Remove what came for a partner and was never named, since the process that took it was
    killed. Gives how many files that were."""
    place, before = kept_folder(ctx, contract_id), ctx.clock.now() - _COMES_WITHIN
    removed = await place.sweep(before)
    names = await place.names_before(before)
    for start in range(0, len(names), _NAMES_AT_ONCE):
        hashes = [name.removesuffix(KEPT_SUFFIX) for name in names[start : start + _NAMES_AT_ONCE]]
        async with ctx.db.transaction() as tx:
            # Nobody names anything in the meantime.
            await tx.one(LOCK_CONTRACT, contract_id)
            for sha256 in await tx.values(UNNAMED_CONTENT, contract_id, hashes):
                removed += await place.delete(sha256 + KEPT_SUFFIX)
    return removed
