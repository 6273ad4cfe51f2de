"""Emoji reactions (Pleroma API: pleroma/statuses/:id/reactions), as clients of Pleroma and Akkoma
ask for them."""

import re
from urllib.parse import urlsplit

from fedserver import entities
from fedserver.context import Context
from fedserver.effects import React, ReactedEmoji, Undo, is_emoji, react_of
from fedserver.errors import Invalid
from fedserver.mastodon.mentioning import emojis_in
from fedserver.mastodon.subjects import (
    acting_account,
    author_of,
    new_activity_uri,
    perform,
    shown_status,
)
from fedserver.routing import JSON, Caller, endpoint
from storage.emoji_reactions import REACTIONS_BY, SEEN_EMOJIS, EmojiReactionRow
from storage.statuses import StatusRow

_PATH = "/api/v1/pleroma/statuses/{status_id}/reactions"
_CUSTOM = re.compile(r":?([A-Za-z0-9_.+-]{1,128})(?:@([A-Za-z0-9.:-]{1,253}))?:?", re.ASCII)


@endpoint("GET", _PATH, scope="read:statuses")
async def show(ctx: Context, caller: Caller | None, status_id: int) -> JSON:
    """Show the reactions to a status and who reacted (Pleroma API: reactions#index)."""
    viewer = None if caller is None else caller.account_id
    status = await shown_status(ctx, status_id, viewer)
    return await entities.reactions(ctx, status.id, viewer)


@endpoint("GET", _PATH + "/{emoji}", scope="read:statuses")
async def show_one(ctx: Context, caller: Caller | None, status_id: int, emoji: str) -> JSON:
    """Show who reacted with one emoji (Pleroma API: reactions#index)."""
    viewer = None if caller is None else caller.account_id
    status = await shown_status(ctx, status_id, viewer)
    name, host = _named(emoji)
    found = await entities.reactions(ctx, status.id, viewer)
    return [
        one
        for one in found
        if one["name"] == name and host in (None, urlsplit(one.get("url", "")).netloc)
    ]


@endpoint("PUT", _PATH + "/{emoji}", scope="write:statuses")
async def react(ctx: Context, caller: Caller, status_id: int, emoji: str) -> JSON:
    """React to a status with an emoji, a custom one of ours (`name` or `:name:`), or one that
    somebody reacted with already (`name@host`). Pleroma API: reactions#create.

    422 for what is no emoji. Once more changes nothing.
    """
    status = await shown_status(ctx, status_id, caller.account_id)
    act = React(
        actor=await acting_account(ctx, caller),
        uri=new_activity_uri(ctx),
        status=status,
        author=await author_of(ctx, status),
        emoji=await _emoji(ctx, status, emoji),
    )
    await perform(ctx, act)
    return await entities.status(ctx, status.id, caller.account_id)


@endpoint("DELETE", _PATH + "/{emoji}", scope="write:statuses")
async def take_back(ctx: Context, caller: Caller, status_id: int, emoji: str) -> JSON:
    """Take a reaction back (Pleroma API: reactions#delete). One that is not there is no error."""
    status = await shown_status(ctx, status_id, caller.account_id)
    name, host = _named(emoji)
    own = await ctx.db.fetch(REACTIONS_BY, caller.account_id, [status.id])
    fitting = [one for one in own if one.name == name]
    at_host = [one for one in fitting if urlsplit(one.image_url).netloc == host]
    await undo_reactions(ctx, caller, status, (at_host or fitting)[:1])
    return await entities.status(ctx, status.id, caller.account_id)


async def undo_reactions(
    ctx: Context, caller: Caller, status: StatusRow, rows: list[EmojiReactionRow]
) -> None:
    """Take these reactions of the caller to `status` back."""
    if not rows:
        return
    actor, author = await acting_account(ctx, caller), await author_of(ctx, status)
    for row in rows:  # each is an activity of its own
        undone = react_of(row, actor, status, author)
        await perform(ctx, Undo(actor=actor, uri=new_activity_uri(ctx), undone=undone))


def _named(emoji: str) -> tuple[str, str | None]:
    """Give the name of an emoji, and the host of a custom one where that is said."""
    custom = None if is_emoji(emoji) else _CUSTOM.fullmatch(emoji)
    return (emoji, None) if custom is None else (custom[1], custom[2])


async def _emoji(ctx: Context, status: StatusRow, emoji: str) -> ReactedEmoji:
    if is_emoji(emoji):
        return ReactedEmoji(emoji)
    name, host = _named(emoji)
    if host is None:
        for ours in await emojis_in(ctx, f":{name}:"):
            return ReactedEmoji(name, ours["url"])
    for seen in await ctx.db.fetch(SEEN_EMOJIS, status.id, name):
        if host in (None, seen.domain, urlsplit(seen.image_url).netloc):
            return ReactedEmoji(seen.name, seen.image_url)
    raise Invalid("Validation failed: That is no emoji that is known here")
