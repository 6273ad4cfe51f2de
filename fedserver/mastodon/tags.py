"""Hashtags, and following them (Mastodon API: tags, followed_tags)."""

from fedserver import entities
from fedserver.context import Context
from fedserver.effects import FeatureTag, UnfeatureTag
from fedserver.errors import Invalid, NotFound
from fedserver.mastodon.subjects import acting_account, new_activity_uri, perform
from fedserver.mastodon.timelines import viewer_of
from fedserver.routing import JSON, Caller, Page, PageParams, endpoint
from fedserver.services.text_out import scan
from storage.paging import edges, fetch_page
from storage.tags import (
    COUNT_TAG_FOLLOWS,
    FOLLOW_TAG,
    FOLLOWED_TAGS,
    PUT_TAG,
    TAG_ID,
    UNFOLLOW_TAG,
)

_MAX_FOLLOWED = 1_000
_LISTED = 100
_LISTED_MOST = 200


@endpoint("GET", "/api/v1/tags/{name}", scope="read:follows")
async def show(ctx: Context, caller: Caller | None, name: str) -> JSON:
    """Show a hashtag, also one that nobody used yet (Mastodon API: tags#show)."""
    written = _written(name)
    tag_id = await ctx.db.value(TAG_ID, written.lower())
    if tag_id is None:
        return entities.unused_tag(ctx, written.lower())
    return await entities.tag(ctx, tag_id, viewer_of(caller))


@endpoint("POST", "/api/v1/tags/{name}/follow", scope="write:follows")
async def follow(ctx: Context, caller: Caller, name: str) -> JSON:
    """Bring the public posts of a hashtag to the caller's home timeline (tags#follow)."""
    written = _written(name)
    if (await ctx.db.value(COUNT_TAG_FOLLOWS, caller.account_id) or 0) >= _MAX_FOLLOWED:
        raise Invalid(f"Validation failed: You follow {_MAX_FOLLOWED} hashtags, which is the most")
    now = ctx.clock.now()
    async with ctx.db.transaction() as tx:
        tag_id = await tx.value(PUT_TAG, ctx.ids.new(), written.lower(), written, now)
        await tx.execute(FOLLOW_TAG, ctx.ids.new(), caller.account_id, tag_id, now)
    return await entities.tag(ctx, tag_id or 0, caller.account_id)


@endpoint("POST", "/api/v1/tags/{name}/unfollow", scope="write:follows")
async def unfollow(ctx: Context, caller: Caller, name: str) -> JSON:
    """Stop following a hashtag (Mastodon API: tags#unfollow)."""
    written = _written(name)
    tag_id = await ctx.db.value(TAG_ID, written.lower())
    if tag_id is None:
        return entities.unused_tag(ctx, written.lower())
    await ctx.db.execute(UNFOLLOW_TAG, caller.account_id, tag_id)
    return await entities.tag(ctx, tag_id, caller.account_id)


@endpoint("POST", "/api/v1/tags/{name}/feature", scope="write:accounts")
async def feature(ctx: Context, caller: Caller, name: str) -> JSON:
    """Show a hashtag on the caller's profile (Mastodon API: tags#feature)."""
    written = _written(name)
    actor = await acting_account(ctx, caller)
    await perform(ctx, FeatureTag(actor=actor, uri=new_activity_uri(ctx), name=written))
    tag_id = await ctx.db.value(TAG_ID, written.lower())
    return await entities.tag(ctx, tag_id or 0, caller.account_id)


@endpoint("POST", "/api/v1/tags/{name}/unfeature", scope="write:accounts")
async def unfeature(ctx: Context, caller: Caller, name: str) -> JSON:
    """Take a hashtag from the caller's profile (Mastodon API: tags#unfeature)."""
    written = _written(name)
    tag_id = await ctx.db.value(TAG_ID, written.lower())
    if tag_id is None:
        return entities.unused_tag(ctx, written.lower())
    actor = await acting_account(ctx, caller)
    await perform(ctx, UnfeatureTag(actor=actor, uri=new_activity_uri(ctx), name=written))
    return await entities.tag(ctx, tag_id, caller.account_id)


@endpoint("GET", "/api/v1/followed_tags", scope="read:follows")
async def followed(ctx: Context, caller: Caller, params: PageParams) -> Page:
    """Show the hashtags that the caller follows (Mastodon API: followed_tags#get)."""
    cursor = params.cursor(default=_LISTED, most=_LISTED_MOST)
    rows = await fetch_page(ctx.db, FOLLOWED_TAGS, cursor, caller.account_id)
    shown = await entities.tags(ctx, [row.id for row in rows], caller.account_id)
    return Page(shown, edges(rows, cursor, lambda row: row.cursor))


def _written(name: str) -> str:
    """Give the name without its sign. Raises NotFound for what is no hashtag (404)."""
    bare = name.strip().removeprefix("#")
    if scan(f"#{bare}").hashtags != (bare,):
        raise NotFound("Record not found")
    return bare
