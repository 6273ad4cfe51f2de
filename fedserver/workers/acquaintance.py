"""Learns what software the peers run, and what their people have pinned and collected, a few at a
time, beside everything else."""

import asyncio
import contextlib
import logging
import random
from datetime import timedelta

from activitypub.errors import ProtocolError
from fedserver.context import Context
from fedserver.effects import (
    READ_COLLECTIONS_AFTER,
    read_collections,
    read_featured,
    read_featured_tags,
)
from fedserver.errors import FedserverError
from fedserver.services import resolve
from fedserver.services.discover import learn_software
from fedserver.services.fetch import Budget
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_ID, CLAIM_FEATURED, FEATURED_UNREAD
from storage.collections import CLAIM_COLLECTIONS, COLLECTIONS_UNREAD
from storage.failures import is_temporary
from storage.hosts import HOSTS_TO_ASK
from storage.mirrored import MIRRORS_OF_HOST
from storage.peer_tags import CLAIM_FEATURED_TAGS, FEATURED_TAGS_UNREAD

log = logging.getLogger(__name__)

ASK_AGAIN_AFTER = timedelta(days=7)
_AT_A_TIME = 10
_INSTANCE_FETCHES = 3  # the actor, and WebFinger of it
_EVERY_S = 60.0


async def learn_always(ctx: Context) -> None:
    """Ask peers that were never asked, or not lately, until cancelled."""
    while True:
        # Not at the same second as all who were started with us.
        await asyncio.sleep(_EVERY_S * (0.5 + random.random()))
        try:
            await learn_some(ctx)
            await read_some_featured(ctx)
            await read_some_collections(ctx)
            await read_some_featured_tags(ctx)
        except Exception as error:  # what could not be learnt now can be learnt later
            if not is_temporary(error):
                raise
            log.warning("learning about peers waits for the database: %s", error)


async def learn_some(ctx: Context) -> int:
    """Ask the peers whose turn it is; give how many were asked."""
    due = await ctx.db.values(HOSTS_TO_ASK, ctx.clock.now() - ASK_AGAIN_AFTER, _AT_A_TIME)
    for host in due:
        await learn_host(ctx, host)
    return len(due)


async def learn_host(ctx: Context, host: str) -> None:
    """Learn what a peer runs; and where its public objects are mirrored also the key of its own
    actor, which vouches for its people when it is gone."""
    await learn_software(ctx, host)
    if not await ctx.db.values(MIRRORS_OF_HOST, host):
        return
    scheme = "http" if ctx.config.plain_http else "https"
    actor = Uris(f"{scheme}://{host}").instance_actor
    with contextlib.suppress(FedserverError, ProtocolError):
        await resolve.account(ctx, actor, Budget(_INSTANCE_FETCHES))


async def read_some_featured(ctx: Context) -> int:
    """Read the featured collections of accounts that somebody here follows, once each; give how
    many posts were pinned."""
    pinned = 0
    for account in await ctx.db.fetch(FEATURED_UNREAD, _AT_A_TIME):
        if await ctx.db.execute(CLAIM_FEATURED, account.id, ctx.clock.now()):
            budget = Budget(ctx.config.federation.fetch_budget)
            pinned += await read_featured(ctx, account, budget)
    return pinned


async def read_some_collections(ctx: Context) -> int:
    """Read the collections of accounts of those whom somebody here follows, now and then; give how
    many there were."""
    now, found = ctx.clock.now(), 0
    due = now - READ_COLLECTIONS_AFTER
    for account_id in await ctx.db.values(COLLECTIONS_UNREAD, due, _AT_A_TIME):
        if await ctx.db.execute(CLAIM_COLLECTIONS, account_id, now, due):
            account = await ctx.db.one(ACCOUNT_BY_ID, account_id)
            budget = Budget(ctx.config.federation.fetch_budget)
            found += 0 if account is None else await read_collections(ctx, account, budget)
    return found


async def read_some_featured_tags(ctx: Context) -> int:
    """Read which hashtags those whom somebody here follows show on their profiles, now and then;
    give how many lists were read."""
    now, read = ctx.clock.now(), 0
    due = now - READ_COLLECTIONS_AFTER
    for account_id in await ctx.db.values(FEATURED_TAGS_UNREAD, due, _AT_A_TIME):
        if await ctx.db.execute(CLAIM_FEATURED_TAGS, account_id, now, due):
            account = await ctx.db.one(ACCOUNT_BY_ID, account_id)
            budget = Budget(ctx.config.federation.fetch_budget)
            read += 0 if account is None else await read_featured_tags(ctx, account, budget)
    return read
