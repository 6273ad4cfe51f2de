"""Actors: people, and the instance itself."""

from datetime import datetime

from aiohttp import web

from activitypub.build import to_document
from activitypub.json_bytes import dumps
from fedserver import documents
from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.federation.replies import activity_reply, tombstone_reply
from fedserver.federation.requests import check_fetch
from fedserver.routing import Media, Reply, endpoint
from fedserver.routing.signed_requests import former_base
from fedserver.services import proving
from fedserver.uris import Uris
from storage.accounts import (
    ACCOUNT_BY_URI,
    KEYS_OF_ACCOUNT,
    KEYS_OF_IDENTITY,
    LOCAL_ACCOUNT_BY_NAME,
    AccountRow,
)
from storage.moves import MOVED_TO


@endpoint("GET", "/users/{username}", media=Media.ACTIVITY, rate="none")
@endpoint("GET", "/@{username}", media=Media.ACTIVITY, rate="none")
async def person(ctx: Context, request: web.Request, username: str) -> Reply:
    """Give the actor of a person (ActivityPub §4.1); 410 with a Tombstone after deletion."""
    account = await local_account(ctx, username)
    if account.deleted_at is not None:
        return tombstone_reply(account.uri, account.actor_type, account.deleted_at)
    await check_fetch(ctx, request)
    return await _former_reply(ctx, request, account) or await _actor_reply(ctx, account)


@endpoint("GET", "/actor", media=Media.ACTIVITY, rate="none")
async def instance_actor(ctx: Context, request: web.Request) -> Reply:
    """Give the instance actor (FEP-d556), to unsigned requests too: peers need its key to verify
    the signature of our own requests for theirs."""
    account = await ctx.db.one(ACCOUNT_BY_URI, Uris(ctx.config.base_url).instance_actor)
    if account is None:
        raise NotFound("Record not found")
    return await _former_reply(ctx, request, account) or await _actor_reply(ctx, account)


async def _former_reply(ctx: Context, request: web.Request, account: AccountRow) -> Reply | None:
    """Give the actor as it was under a former domain, to whoever still reaches us by that name."""
    base = former_base(ctx, request)
    if base is None:
        return None
    former_uri = documents.rebased(account.uri, ctx.config.base_url, base)
    keys = await ctx.db.fetch(KEYS_OF_IDENTITY, former_uri)
    if not keys:
        return None
    return activity_reply(documents.former_actor(ctx, account, base, keys))


async def local_account(ctx: Context, username: str) -> AccountRow:
    """Give an account of ours by name. Raises NotFound for nobody, and for the suspended."""
    account = await ctx.db.one(LOCAL_ACCOUNT_BY_NAME, username)
    if account is None or account.suspended_at is not None:
        raise NotFound("Record not found")
    return account


async def _actor_reply(ctx: Context, account: AccountRow) -> Reply:
    keys = await ctx.db.fetch(KEYS_OF_ACCOUNT, account.id)
    key = ("actor", account.id, hash(repr(keys)), _version(account))
    cached = ctx.entity_cache.get(key)
    if cached is None:
        moved_to = await ctx.db.value(MOVED_TO, account.id)
        document = to_document(documents.actor(ctx, account, keys, moved_to=moved_to))
        cached = dumps(await proving.prove_object(ctx, ctx.db, account.id, document, _made(ctx)))
        ctx.entity_cache.put(key, cached)
    return activity_reply(cached)


def _made(ctx: Context) -> datetime:
    """The beginning of the day: processes that make a document apart make the same one."""
    return ctx.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)


def _version(account: AccountRow) -> int:
    """Two rows with the same content give the same document."""
    return hash(repr(account))
