"""Hashtags on profiles (Mastodon API: featured_tags)."""

import re
from typing import Any

from fedserver import entities
from fedserver.context import Context
from fedserver.effects import FeatureTag, UnfeatureTag
from fedserver.errors import Invalid, NotFound
from fedserver.mastodon.subjects import (
    acting_account,
    new_activity_uri,
    perform,
    target_account,
)
from fedserver.routing import JSON, Caller, Params, endpoint
from fedserver.uris import Uris
from storage.accounts import AccountRow
from storage.featured_tags import (
    FEATURED_TAG_BY_ID,
    FEATURED_TAGS_OF,
    SUGGESTED_TAGS,
)

_SUGGESTED = 10
_TAG = re.compile(r"\w{1,100}")


class FeatureParams(Params, frozen=True, kw_only=True):
    """Which one, with or without `#`."""

    name: str = ""


@endpoint("GET", "/api/v1/featured_tags", scope="read:accounts")
async def show_own(ctx: Context, caller: Caller) -> JSON:
    """Show the hashtags on the caller's profile (Mastodon API: featured_tags#get)."""
    return await _tags_of(ctx, await acting_account(ctx, caller))


@endpoint("GET", "/api/v1/accounts/{account_id}/featured_tags", scope="read:accounts")
async def show_of_account(ctx: Context, caller: Caller | None, account_id: int) -> JSON:
    """Show the hashtags on somebody's profile (Mastodon API: accounts#featured_tags)."""
    return await _tags_of(ctx, await target_account(ctx, account_id))


@endpoint("GET", "/api/v1/featured_tags/suggestions", scope="read:accounts")
async def suggestions(ctx: Context, caller: Caller) -> JSON:
    """Show what the caller used most often of late (Mastodon API: featured_tags#suggestions)."""
    ids = await ctx.db.values(SUGGESTED_TAGS, caller.account_id, _SUGGESTED)
    return await entities.tags(ctx, ids, caller.account_id)


@endpoint("POST", "/api/v1/featured_tags", scope="write:accounts")
async def feature(ctx: Context, caller: Caller, params: FeatureParams) -> JSON:
    """Show a hashtag on the profile (Mastodon API: featured_tags#feature). 422 for what is no
    hashtag, and for more than ten."""
    name = params.name.strip().removeprefix("#")
    if not _TAG.fullmatch(name) or name.isdigit():
        raise Invalid("Validation failed: Tag is invalid")
    actor = await acting_account(ctx, caller)
    await perform(ctx, FeatureTag(actor=actor, uri=new_activity_uri(ctx), name=name))
    rows = await ctx.db.fetch(FEATURED_TAGS_OF, actor.id)
    return next(
        entities.featured_tag(Uris(ctx.config.base_url), row)
        for row in rows
        if row.tag_name == name.lower()
    )


@endpoint("DELETE", "/api/v1/featured_tags/{featured_id}", scope="write:accounts")
async def unfeature(ctx: Context, caller: Caller, featured_id: int) -> JSON:
    """Take a hashtag from the profile (Mastodon API: featured_tags#unfeature)."""
    actor = await acting_account(ctx, caller)
    row = await ctx.db.one(FEATURED_TAG_BY_ID, featured_id, actor.id)
    if row is None:
        raise NotFound("Record not found")
    await perform(ctx, UnfeatureTag(actor=actor, uri=new_activity_uri(ctx), name=row.name))
    return {}


async def _tags_of(ctx: Context, account: AccountRow) -> list[dict[str, Any]]:
    rows = await ctx.db.fetch(FEATURED_TAGS_OF, account.id)
    return [entities.featured_tag(Uris(ctx.config.base_url), row) for row in rows]
