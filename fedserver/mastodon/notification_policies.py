"""What people want of notifications (Mastodon API: notifications policy, v1 and v2)."""

from typing import Literal

from fedserver.context import Context
from fedserver.routing import JSON, Caller, Params, endpoint
from storage.notification_policies import POLICY, PUT_POLICY, SETTINGS, SUMMARY, PolicyRow

Rule = Literal["accept", "filter", "drop"]
_IN_V1 = ("not_following", "not_followers", "new_accounts", "private_mentions", "bots")


class PolicyParams(Params, frozen=True, kw_only=True):
    """What to do with notifications of each kind; what is left out stays as it is."""

    for_not_following: Rule | None = None
    for_not_followers: Rule | None = None
    for_new_accounts: Rule | None = None
    for_private_mentions: Rule | None = None
    for_limited_accounts: Rule | None = None
    for_bots: Rule | None = None


@endpoint("GET", "/api/v2/notifications/policy", scope="read:notifications")
async def policy(ctx: Context, caller: Caller) -> JSON:
    """Show the caller's policy (Mastodon API: notifications#get-policy)."""
    return await _entity(ctx, caller, await _policy(ctx, caller))


@endpoint("PATCH", "/api/v2/notifications/policy", scope="write:notifications")
@endpoint("PUT", "/api/v2/notifications/policy", scope="write:notifications")
async def change_policy(ctx: Context, caller: Caller, params: PolicyParams) -> JSON:
    """Change the caller's policy (Mastodon API: notifications#update-the-filtering-policy)."""
    given = [getattr(params, name) for name in SETTINGS]
    changed = await ctx.db.one(PUT_POLICY, caller.account_id, *given)
    return await _entity(ctx, caller, changed or PolicyRow())


async def _policy(ctx: Context, caller: Caller) -> PolicyRow:
    return await ctx.db.one(POLICY, caller.account_id) or PolicyRow()


async def _entity(ctx: Context, caller: Caller, row: PolicyRow) -> JSON:
    said = {name: getattr(row, name) for name in SETTINGS}
    return {**said, "summary": await _summary(ctx, caller)}


async def _summary(ctx: Context, caller: Caller) -> JSON:
    waiting = await ctx.db.one(SUMMARY, caller.account_id)
    return {
        "pending_requests_count": waiting.requests if waiting else 0,
        "pending_notifications_count": waiting.notifications if waiting else 0,
    }


class OldPolicyParams(Params, frozen=True, kw_only=True):
    """As version 1 says it: filtered or not. What is left out stays as it is."""

    filter_not_following: bool | None = None
    filter_not_followers: bool | None = None
    filter_new_accounts: bool | None = None
    filter_private_mentions: bool | None = None
    filter_bots: bool | None = None


@endpoint("GET", "/api/v1/notifications/policy", scope="read:notifications")
async def old_policy(ctx: Context, caller: Caller) -> JSON:
    """Show the caller's policy (Mastodon API: notifications, V1::NotificationPolicy)."""
    return await _old_entity(ctx, caller, await _policy(ctx, caller))


@endpoint("PUT", "/api/v1/notifications/policy", scope="write:notifications")
async def change_old_policy(ctx: Context, caller: Caller, params: OldPolicyParams) -> JSON:
    """Change the caller's policy (Mastodon API: notifications, V1::NotificationPolicy)."""
    given = {f"for_{name}": getattr(params, f"filter_{name}") for name in _IN_V1}
    said = [
        None if given.get(name) is None else "filter" if given[name] else "accept"
        for name in SETTINGS
    ]
    changed = await ctx.db.one(PUT_POLICY, caller.account_id, *said)
    return await _old_entity(ctx, caller, changed or PolicyRow())


async def _old_entity(ctx: Context, caller: Caller, row: PolicyRow) -> JSON:
    said = {f"filter_{name}": getattr(row, f"for_{name}") != "accept" for name in _IN_V1}
    return {**said, "summary": await _summary(ctx, caller)}
