"""What the admin tells everybody here (Mastodon API: announcements)."""

from fedserver import entities
from fedserver.context import Context
from fedserver.effects.react import is_emoji
from fedserver.errors import Invalid, NotFound
from fedserver.routing import JSON, Caller, endpoint
from storage.announcements import (
    ANNOUNCEMENTS,
    DELETE_REACTION,
    DISMISS_ANNOUNCEMENT,
    INSERT_REACTION,
    IS_LOCAL_EMOJI,
    LOCK_ANNOUNCEMENT,
    MAX_REACTIONS,
    OTHER_REACTIONS,
    PUBLISHED,
    TELL_OF_ANNOUNCEMENT,
)

_MAX_NAME_CHARS = 128
_REACTED = "announcement.reaction"


@endpoint("GET", "/api/v1/announcements")
async def announcements(ctx: Context, caller: Caller) -> list[JSON]:
    """Show what is announced now, read or not (Mastodon API: announcements#get)."""
    every = None
    rows = await ctx.db.fetch(ANNOUNCEMENTS, caller.account_id, ctx.clock.now(), every)
    return list(await entities.announcements(ctx, rows))


@endpoint("POST", "/api/v1/announcements/{id}/dismiss", scope="write:accounts")
async def dismiss(ctx: Context, caller: Caller, id: int) -> JSON:
    """Mark an announcement as read (Mastodon API: announcements#dismiss)."""
    await _require_published(ctx, id)
    await ctx.db.execute(DISMISS_ANNOUNCEMENT, id, caller.account_id)
    return {}


@endpoint("PUT", "/api/v1/announcements/{id}/reactions/{name}", scope="write:favourites")
async def react(ctx: Context, caller: Caller, id: int, name: str) -> JSON:
    """React with an emoji, or the shortcode of a custom one (Mastodon API:
    announcements#put-reactions)."""
    await _require_published(ctx, id)
    await _require_emoji(ctx, name)
    async with ctx.db.transaction() as tx:
        await tx.value(LOCK_ANNOUNCEMENT, id)
        if (await tx.value(OTHER_REACTIONS, id, name) or 0) >= MAX_REACTIONS:
            raise Invalid("Validation failed: Limit of different reactions reached")
        if await tx.execute(INSERT_REACTION, id, caller.account_id, name, ctx.clock.now()):
            await tx.execute(TELL_OF_ANNOUNCEMENT, _REACTED, id, name)
    return {}


@endpoint("DELETE", "/api/v1/announcements/{id}/reactions/{name}", scope="write:favourites")
async def take_back(ctx: Context, caller: Caller, id: int, name: str) -> JSON:
    """Take a reaction back (Mastodon API: announcements#delete-reactions)."""
    await _require_published(ctx, id)
    if len(name) > _MAX_NAME_CHARS or "\0" in name:
        raise NotFound("Record not found")
    async with ctx.db.transaction() as tx:
        if not await tx.execute(DELETE_REACTION, id, caller.account_id, name):
            raise NotFound("Record not found")
        await tx.execute(TELL_OF_ANNOUNCEMENT, _REACTED, id, name)
    return {}


async def _require_published(ctx: Context, id: int) -> None:
    if not await ctx.db.value(PUBLISHED, id, ctx.clock.now()):
        raise NotFound("Record not found")


async def _require_emoji(ctx: Context, name: str) -> None:
    known = len(name) <= _MAX_NAME_CHARS and "\0" not in name
    if not known or not (is_emoji(name) or await ctx.db.value(IS_LOCAL_EMOJI, name)):
        raise Invalid("Validation failed: Name is not a recognized emoji")
