"""Subscriptions to web push (Mastodon API: push)."""

from typing import Any, Final, Literal
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from fedserver.context import Context
from fedserver.errors import Invalid, NotFound
from fedserver.routing import JSON, Caller, Params, endpoint
from fedserver.routing.callers import bearer_of
from fedserver.services.push_keys import AUTH_PURPOSE, TOKEN_PURPOSE, public_push_key
from fedserver.services.push_messages import AUTH_BYTES, decode, read_point
from storage.push import (
    CHANGE_SUBSCRIPTION,
    DELETE_SUBSCRIPTION,
    INSERT_SUBSCRIPTION,
    SUBSCRIPTION_OF_TOKEN,
    SubscriptionRow,
)

ALERTS: Final = (
    "mention",
    "status",
    "reblog",
    "follow",
    "follow_request",
    "favourite",
    "poll",
    "update",
    "quote",
    "quoted_update",
    "severed_relationships",
    "moderation_warning",
    "added_to_collection",
    "collection_update",
    "admin.sign_up",
    "admin.report",
)
_MAX_ENDPOINT_CHARS: Final = 2_048
_TRUE: Final = frozenset({"true", "t", "1", "on", "yes"})

Policy = Literal["all", "followed", "follower", "none"]


class Keys(Params, frozen=True, kw_only=True):
    """The keys of the app, in base64."""

    p256dh: str = ""
    auth: str = ""


class Subscription(Params, frozen=True, kw_only=True):
    """Where messages go; `standard`: in the form of RFC 8291, not of the draft before it."""

    endpoint: str = ""
    keys: Keys = msgspec.field(default_factory=Keys)
    standard: bool = False


class Wishes(Params, frozen=True, kw_only=True):
    """What somebody wants to be told of, and of whose doing."""

    alerts: dict[str, Any] | None = None
    policy: Policy | None = None


class SubscribeParams(Params, frozen=True, kw_only=True):
    """A new subscription."""

    subscription: Subscription = msgspec.field(default_factory=Subscription)
    data: Wishes = msgspec.field(default_factory=Wishes)


class ChangeParams(Params, frozen=True, kw_only=True):
    """What is left out stays as it is. `policy` may stand outside of `data`, too."""

    data: Wishes = msgspec.field(default_factory=Wishes)
    policy: Policy | None = None


@endpoint("POST", "/api/v1/push/subscription", scope="push")
async def subscribe(
    ctx: Context, caller: Caller, request: web.Request, params: SubscribeParams
) -> JSON:
    """Have notifications pushed to this app; what its token subscribed before ends.

    Mastodon API: push#create. 422 for an address or keys that cannot be used.
    """
    wanted = params.subscription
    point, auth = _keys(wanted.keys)
    values = (
        caller.account_id,
        _checked_endpoint(ctx, wanted.endpoint),
        point,
        ctx.secrets.wrap(auth, purpose=AUTH_PURPOSE),
        ctx.secrets.wrap((bearer_of(request) or "").encode(), purpose=TOKEN_PURPOSE),
        wanted.standard,
        params.data.policy or "all",
        wanted_alerts(params.data) or [],
        ctx.clock.now(),
    )
    async with ctx.db.transaction() as tx:
        await tx.execute(DELETE_SUBSCRIPTION, caller.token.id)
        row = await tx.one(INSERT_SUBSCRIPTION, ctx.ids.new(), caller.token.id, *values)
    return await subscription_entity(ctx, row)


@endpoint("GET", "/api/v1/push/subscription", scope="push")
async def show(ctx: Context, caller: Caller) -> JSON:
    """Show the subscription of this token (Mastodon API: push#get)."""
    row = await ctx.db.one(SUBSCRIPTION_OF_TOKEN, caller.token.id)
    return await subscription_entity(ctx, row)


@endpoint("PUT", "/api/v1/push/subscription", scope="push")
async def change(ctx: Context, caller: Caller, params: ChangeParams) -> JSON:
    """Change what is pushed (Mastodon API: push#update)."""
    policy = params.data.policy or params.policy
    row = await ctx.db.one(CHANGE_SUBSCRIPTION, caller.token.id, policy, wanted_alerts(params.data))
    return await subscription_entity(ctx, row)


@endpoint("DELETE", "/api/v1/push/subscription", scope="push")
async def unsubscribe(ctx: Context, caller: Caller) -> JSON:
    """End the subscription of this token, if there is one (Mastodon API: push#delete)."""
    await ctx.db.execute(DELETE_SUBSCRIPTION, caller.token.id)
    return {}


async def subscription_entity(ctx: Context, row: SubscriptionRow | None) -> JSON:
    if row is None:
        raise NotFound("Record not found")
    return {
        "id": str(row.id),
        "endpoint": row.endpoint,
        "standard": row.standard,
        "alerts": {name: name in row.alerts for name in ALERTS},
        "policy": row.policy,
        "server_key": await public_push_key(ctx),
    }


def _checked_endpoint(ctx: Context, url: str) -> str:
    """Whether we may connect there at all is asked anew for each message."""
    schemes = ("https", "http") if ctx.config.plain_http else ("https",)
    try:
        parts = urlsplit(url)
        usable = parts.scheme in schemes and bool(parts.hostname) and parts.username is None
    except ValueError:
        usable = False
    if not usable or len(url) > _MAX_ENDPOINT_CHARS or not url.isascii():
        raise Invalid("Validation failed: Endpoint is not a valid URL")
    return url


def _keys(keys: Keys) -> tuple[bytes, bytes]:
    try:
        point, auth = read_point(keys.p256dh), decode(keys.auth)
    except ValueError as error:
        raise Invalid("Validation failed: Subscription keys are invalid") from error
    if len(auth) != AUTH_BYTES:
        raise Invalid("Validation failed: Subscription keys are invalid")
    return point, auth


def wanted_alerts(wishes: Wishes) -> list[str] | None:
    """Give the types that are wanted, None where nothing is said of them."""
    if wishes.alerts is None:
        return None
    return [name for name in ALERTS if str(wishes.alerts.get(name)).lower() in _TRUE]
