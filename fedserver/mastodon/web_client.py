"""What only Mastodon's own web client calls: its settings, and push messages to its browser. It
sends a token of ours, where it sends a session to Mastodon."""

from typing import Any, Final

import msgspec
import orjson
from aiohttp import web

from fedserver.context import Context
from fedserver.errors import Invalid, NotFound
from fedserver.mastodon.push import (
    SubscribeParams,
    Wishes,
    subscribe,
    subscription_entity,
    wanted_alerts,
)
from fedserver.routing import JSON, Caller, Params, endpoint
from storage.push import DELETE_SUBSCRIPTION_BY_ID, REPLACE_WISHES
from storage.web_settings import PUT_WEB_SETTINGS

_MAX_SETTINGS_BYTES: Final = 64 * 1024


class SettingsParams(Params, frozen=True, kw_only=True):
    """All settings at once, in whatever form the client keeps them."""

    data: dict[str, Any] | None = None


class WishesParams(Params, frozen=True, kw_only=True):
    """What a subscription is to be for from now on."""

    data: Wishes = msgspec.field(default_factory=Wishes)


@endpoint("PATCH", "/api/web/settings", scope="write:accounts")
async def change_settings(ctx: Context, caller: Caller, params: SettingsParams) -> JSON:
    """Keep the web client's settings instead of those before. 422 for more than 64 KiB.

    Mastodon API: undocumented (Api::Web::SettingsController).
    """
    data = params.data or {}
    written = orjson.dumps(data)
    if len(written) > _MAX_SETTINGS_BYTES or b"\\u0000" in written:
        raise Invalid("Validation failed: Data is too long or cannot be kept")
    await ctx.db.execute(PUT_WEB_SETTINGS, caller.account_id, data, ctx.clock.now())
    return {}


@endpoint("POST", "/api/web/push_subscriptions", scope="push")
async def subscribe_browser(
    ctx: Context, caller: Caller, request: web.Request, params: SubscribeParams
) -> JSON:
    """Have notifications pushed to this browser, as POST /api/v1/push/subscription.

    Mastodon API: undocumented (Api::Web::PushSubscriptionsController).
    """
    return await subscribe(ctx, caller, request, params)


@endpoint("PUT", "/api/web/push_subscriptions/{id}", scope="push")
async def change_browser(ctx: Context, caller: Caller, id: int, params: WishesParams) -> JSON:
    """Say anew what is pushed: types that are not named are not. 404 for what others subscribed."""
    wishes = params.data
    alerts = wanted_alerts(wishes) or []
    row = await ctx.db.one(REPLACE_WISHES, caller.account_id, id, wishes.policy or "all", alerts)
    return await subscription_entity(ctx, row)


@endpoint("DELETE", "/api/web/push_subscriptions/{id}", scope="push")
async def unsubscribe_browser(ctx: Context, caller: Caller, id: int) -> JSON:
    """End a subscription of the caller. 404 where there is none."""
    if not await ctx.db.execute(DELETE_SUBSCRIPTION_BY_ID, caller.account_id, id):
        raise NotFound("Record not found")
    return {}
