"""What a restored instance does for its peers and with them: it says hello, and asks what it
missed."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any, Final

from activitypub.addressing import PUBLIC
from activitypub.build import to_document
from activitypub.errors import ProtocolError
from activitypub.json_bytes import dumps
from activitypub.model import Activity, Collection
from activitypub.parse import parse_collection
from activitypub.signatures import Dialect
from fedserver import documents
from fedserver.context import Context
from fedserver.effects.bringing import bring_status
from fedserver.errors import FedserverError
from fedserver.services import fetch, signing
from fedserver.services.fetch import Budget
from fedserver.services.new_accounts import ensure_instance_actor
from storage.accounts import KEYS_OF_ACCOUNT
from storage.housekeeping import EMPTY_HOMES_OF_ABSENT
from storage.vault import INBOXES_TO_GREET, OUTBOXES_TO_READ, ReturnRow

log = logging.getLogger(__name__)

_AT_ONCE: Final = 10
_OUTBOXES: Final = 500
# What is older comes with its thread, or when somebody looks at it.
_POSTS_OF_EACH: Final = 20


async def greet(ctx: Context, _row: ReturnRow) -> dict[str, Any]:
    """Send every peer a signed Update of the instance's actor: their marks of failure end with the
    first signed request that they see (Mastodon: DeliveryFailureTracker)."""
    body = await _hello(ctx)
    inboxes, places = await ctx.db.values(INBOXES_TO_GREET), asyncio.Semaphore(_AT_ONCE)

    async def send(inbox: str) -> bool:
        async with places:
            return await _post(ctx, inbox, body)

    heard = await asyncio.gather(*(send(inbox) for inbox in inboxes))
    return {"peers": len(inboxes), "heard": sum(heard)}


async def _hello(ctx: Context) -> bytes:
    account = await ensure_instance_actor(ctx)
    actor = documents.actor(ctx, account, await ctx.db.fetch(KEYS_OF_ACCOUNT, account.id))
    update = Activity(
        id=f"{account.uri}#back-{ctx.ids.new()}",
        type="Update",
        actor=account.uri,
        object=actor,
        to=(PUBLIC,),
    )
    return dumps(to_document(update))


async def _post(ctx: Context, inbox: str, body: bytes) -> bool:
    key = await signing.instance_key(ctx)
    try:
        response = await ctx.out.request(
            "POST",
            inbox,
            headers={"Content-Type": signing.ACTIVITY_JSON},
            body=body,
            limits=fetch.limits(ctx),
            signer=signing.signer(ctx, key, Dialect.CAVAGE),
            repeatable=True,
        )
    except FedserverError as error:
        log.debug("no hello to %s: %s", inbox, error)
        return False
    return response.status < 400


async def catch_up(ctx: Context, row: ReturnRow) -> dict[str, Any]:
    """Fetch what those whom our people follow wrote since the newest entry that was restored."""
    outboxes, places = await ctx.db.values(OUTBOXES_TO_READ, _OUTBOXES), asyncio.Semaphore(_AT_ONCE)

    async def read(outbox: str) -> int:
        async with places:
            return await _read(ctx, outbox, row)

    brought = sum(await asyncio.gather(*(read(one) for one in outboxes)))
    if brought:
        # They are built anew from what is there now when their owners look.
        await ctx.db.execute(EMPTY_HOMES_OF_ABSENT, ctx.clock.now())
    return {"outboxes": len(outboxes), "posts": brought}


async def _read(ctx: Context, outbox: str, row: ReturnRow) -> int:
    budget, brought = Budget(ctx.config.federation.fetch_budget), 0
    try:
        page = await _first_page(ctx, outbox, budget)
        for uri in _written_since(page, row):
            await bring_status(ctx, uri, budget)
            brought += 1
    except (FedserverError, ProtocolError) as error:
        log.debug("nothing more from %s: %s", outbox, error)
    return brought


async def _first_page(ctx: Context, outbox: str, budget: Budget) -> Collection:
    head = parse_collection(await fetch.document(ctx, outbox, budget))
    if head.items or head.first is None:
        return head
    if isinstance(head.first, Collection):
        return head.first
    return parse_collection(await fetch.document(ctx, head.first, budget))


def _written_since(page: Collection, row: ReturnRow) -> Iterator[str]:
    for item in page.items[:_POSTS_OF_EACH]:
        if not isinstance(item, Activity) or item.type != "Create":
            continue
        if item.published is not None and item.published < row.known_until:
            continue
        uri = item.object if isinstance(item.object, str) else getattr(item.object, "id", None)
        if uri:
            yield uri
