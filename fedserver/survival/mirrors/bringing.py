"""Our public posts and people are brought to those who keep them for us: all there are, then each
change soon after it was made. What is not public never goes there."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec
import orjson

from activitypub.json_bytes import dumps, loads
from activitypub.signatures import Dialect
from fedserver.context import Context
from fedserver.errors import FedserverError, Unreachable
from fedserver.ids import first_id_of
from fedserver.outgoing import Limits
from fedserver.services import signing
from fedserver.services.mirrored import is_for_everybody
from fedserver.survival.mirrors.keeping import MAX_CHUNK_BYTES
from fedserver.survival.mirrors.kept_objects import files_in
from fedserver.survival.mirrors.objects import MAX_BYTES, MAX_DOCUMENTS
from fedserver.survival.mirrors.partners import PATH, address_of
from fedserver.survival.mirrors.target import AsInstance, accepted
from fedserver.survival.public_documents import proven_notes, vouched_actors
from storage.accounts import ACCOUNTS_BY_IDS
from storage.mirrored import (
    BROUGHT,
    CLAIM_PARTNER,
    DUE_PARTNERS,
    NOT_BROUGHT,
    PUBLIC_STATUSES,
    SAID_AFTER,
    DueContractRow,
    SaidRow,
)

Json = dict[str, Any]

log = logging.getLogger(__name__)

LOOK_EVERY: Final = timedelta(seconds=30)
# An act that began earlier may commit later: its id is passed over until it must have.
_SETTLED_AFTER: Final = timedelta(seconds=10)
_AT_ONCE: Final = 50
_PARTNERS_AT_ONCE: Final = 5
_CLAIMED_FOR: Final = timedelta(minutes=10)
_FIRST_PAUSE: Final = timedelta(minutes=1)
_LONGEST_PAUSE: Final = timedelta(hours=6)
_LIMITS: Final = Limits(total_s=120, max_bytes=1_048_576)
_ROOM: Final = MAX_BYTES - len(b'{"documents":[]}')


class _Answer(msgspec.Struct, frozen=True):
    refused: dict[str, str] = {}
    wanted: list[str] = []


async def bring_due(ctx: Context) -> int:
    """Bring the next of our posts to each partner whose turn it is. Gives how many that were."""
    now = ctx.clock.now()
    brought = 0
    for contract in await ctx.db.fetch(DUE_PARTNERS, now, _PARTNERS_AT_ONCE):
        if await ctx.db.execute(CLAIM_PARTNER, contract.id, now + _CLAIMED_FOR, now):
            brought += await _bring_or_note(ctx, contract)
    return brought


async def _bring_or_note(ctx: Context, contract: DueContractRow) -> int:
    try:
        return await _bring(ctx, contract)
    except FedserverError as error:
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(contract.failures, 10))
        log.warning("the mirror %s did not take our posts: %s", contract.host, error)
        at = ctx.clock.now() + pause
        await ctx.db.execute(NOT_BROUGHT, contract.id, at, str(error)[:500])
        return 0


async def _bring(ctx: Context, contract: DueContractRow) -> int:
    now = ctx.clock.now()
    settled = first_id_of(now - _SETTLED_AFTER)
    said = await ctx.db.fetch(SAID_AFTER, contract.activities_sent, settled, _AT_ONCE)
    public = await public_documents(ctx, said)
    if public:
        await _send(ctx, contract, public)
    is_more = len(said) == _AT_ONCE
    until = said[-1].id if said else contract.activities_sent
    await ctx.db.execute(BROUGHT, contract.id, until, now if is_more else now + LOOK_EVERY)
    return len(said)


async def public_documents(ctx: Context, said: Sequence[SaidRow]) -> list[Json]:
    """Give what everybody may know of what our people did: who did it, the posts as they are now,
    and what was deleted; each with its author's proof."""
    people = await ctx.db.fetch(ACCOUNTS_BY_IDS, list({one.account_id for one in said}))
    actors = await vouched_actors(ctx, [one for one in people if not one.gone])
    ids = {one.status_id for one in said if one.status_id is not None}
    posts = await proven_notes(ctx, await ctx.db.fetch(PUBLIC_STATUSES, list(ids)))
    deleted = [loads(one.document) for one in said if one.type == "Delete"]
    return [*actors, *posts, *(one for one in deleted if is_for_everybody(one))]


async def _send(ctx: Context, contract: DueContractRow, public: Sequence[Json]) -> None:
    wanted: set[str] = set()
    for body in await asyncio.to_thread(bodies, public):
        answer = await _post(ctx, contract, body)
        wanted.update(answer.wanted)
        for uri, reason in answer.refused.items():
            log.warning("the mirror %s does not keep %s: %s", contract.host, uri, reason)
    if "media" in contract.classes:
        shown = {name for one in public for name in files_in(one)}
        await _send_files(ctx, contract, sorted(wanted & shown))


def bodies(public: Sequence[Json]) -> list[bytes]:
    """Give requests that have the documents between them, none larger than a mirror takes."""
    groups: list[list[orjson.Fragment]] = []
    room = 0
    for written in map(dumps, public):
        needed = len(written) + 1
        if needed > _ROOM:
            continue  # nobody takes it
        if needed > room or len(groups[-1]) == MAX_DOCUMENTS:
            groups.append([])
            room = _ROOM
        groups[-1].append(orjson.Fragment(written))
        room -= needed
    return [orjson.dumps({"documents": group}) for group in groups]


async def _post(ctx: Context, contract: DueContractRow, body: bytes) -> _Answer:
    url = f"{address_of(ctx, contract.host)}{PATH}/objects"
    key = await signing.instance_key(ctx)
    response = await ctx.out.request(
        "POST",
        url,
        headers={"Content-Type": "application/json"},
        body=body,
        limits=_LIMITS,
        signer=signing.signer(ctx, key, Dialect.CAVAGE),
        repeatable=True,
    )
    try:
        return msgspec.json.decode(accepted(url, response).body, type=_Answer)
    except msgspec.DecodeError as error:
        raise Unreachable(contract.host, f"its answer makes no sense: {error}") from None


async def _send_files(ctx: Context, contract: DueContractRow, names: Sequence[str]) -> None:
    for name in names:
        try:
            if await ctx.blobs.size(name) > MAX_CHUNK_BYTES:
                continue
            data = await ctx.blobs.read(name)
        except FileNotFoundError:
            continue
        await _send_file(ctx, contract, name, data)


async def _send_file(ctx: Context, contract: DueContractRow, name: str, data: bytes) -> None:
    digest = name.partition(".")[0]
    url = f"{address_of(ctx, contract.host)}{PATH}/media?name={name}&sha256={digest}"
    headers = {**await AsInstance(ctx).headers("PUT", url)}
    headers["Content-Type"] = "application/octet-stream"
    response = await ctx.out.request(
        "PUT", url, headers=headers, body=data, limits=_LIMITS, repeatable=True
    )
    accepted(url, response)
