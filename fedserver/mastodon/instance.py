"""What the instance says of itself (Mastodon API: instance). Kept for a minute: no count is made
for each of the many who ask."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import orjson

from fedserver import __version__, entities
from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.routing import JSON, Reply, endpoint
from fedserver.services.own_doors import published_alternates
from fedserver.services.push_keys import public_push_key
from storage.instance_reads import CONTACT_ACCOUNT, INSTANCE_STATS, PEERS, InstanceStatsRow

_KEPT_S = 60
_ACTIVE_MONTH = timedelta(days=30)


@endpoint("GET", "/api/v1/instance")
async def instance_v1(ctx: Context) -> Reply:
    """Show the instance in the older form.

    Mastodon API: instance#v1.
    """

    async def make() -> JSON:
        return entities.instance_v1(ctx.config, __version__, await _stats(ctx), await _contact(ctx))

    return await _kept(ctx, "instance_v1", make)


@endpoint("GET", "/api/v2/instance")
async def instance_v2(ctx: Context) -> Reply:
    """Show the instance and its limits.

    Mastodon API: instance#v2.
    """

    async def make() -> JSON:
        return entities.instance_v2(
            ctx.config,
            __version__,
            await _stats(ctx),
            await _contact(ctx),
            push_key=await public_push_key(ctx),
            alternates=await published_alternates(ctx),
        )

    return await _kept(ctx, "instance_v2", make)


@endpoint("GET", "/api/v1/instance/peers")
async def peers(ctx: Context) -> Reply:
    """List the hosts this instance knows.

    Mastodon API: instance#peers.
    """

    async def make() -> JSON:
        return await ctx.db.values(PEERS)

    return await _kept(ctx, "instance_peers", make)


@endpoint("GET", "/api/v1/instance/rules")
async def instance_rules(ctx: Context) -> JSON:
    """List the rules of the house.

    Mastodon API: instance#rules.
    """
    return entities.rules(ctx.config)


@endpoint("GET", "/api/v1/instance/extended_description")
async def extended_description(ctx: Context) -> JSON:
    """Show the description; when it was changed is not known.

    Mastodon API: instance#extended_description.
    """
    return {"updated_at": None, "content": ctx.config.instance.description}


async def _kept(ctx: Context, name: str, make: Callable[[], Awaitable[Any]]) -> Reply:
    key = (name, int(ctx.clock.now().timestamp()) // _KEPT_S)
    body = ctx.entity_cache.get(key)
    if body is None:
        body = orjson.dumps(await make())
        ctx.entity_cache.put(key, body)
    return Reply(body)


async def _stats(ctx: Context) -> InstanceStatsRow:
    stats = await ctx.db.one(INSTANCE_STATS, ctx.clock.now() - _ACTIVE_MONTH)
    return stats or InstanceStatsRow(0, 0, 0, 0)


async def _contact(ctx: Context) -> JSON:
    account_id = await ctx.db.value(CONTACT_ACCOUNT)
    if account_id is None:
        return None
    try:
        return await entities.account(ctx, account_id)
    except NotFound:
        return None
