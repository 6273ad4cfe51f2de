"""What people do to a status (Mastodon API: statuses#favourite, #boost, #bookmark and back)."""

from fedserver import entities
from fedserver.context import Context
from fedserver.effects import Announce, Bookmark, Like, Pin, Undo, Unpin, announce_of
from fedserver.errors import Forbidden, Invalid, NotFound
from fedserver.mastodon.composing import posting_defaults
from fedserver.mastodon.emoji_reactions import undo_reactions
from fedserver.mastodon.subjects import (
    acting_account,
    author_of,
    new_activity_uri,
    perform,
    shown_status,
    visible_status,
)
from fedserver.routing import JSON, Caller, Params, endpoint
from fedserver.uris import Uris
from storage.accounts import AccountRow
from storage.emoji_reactions import REACTIONS_BY
from storage.profiles import FAVOURITE_OF
from storage.statuses import REBLOG_BY_ACCOUNT, StatusRow

_BOOST_VISIBILITIES = ("public", "unlisted", "private")


@endpoint("POST", "/api/v1/statuses/{status_id}/favourite", scope="write:favourites")
async def favourite(ctx: Context, caller: Caller, status_id: int) -> JSON:
    """Favourite a status (Mastodon API: statuses#favourite). Once more changes nothing."""
    status = await shown_status(ctx, status_id, caller.account_id)
    act = Like(
        actor=await acting_account(ctx, caller),
        uri=new_activity_uri(ctx),
        status=status,
        author=await author_of(ctx, status),
    )
    await perform(ctx, act)
    return await entities.status(ctx, status.id, caller.account_id)


@endpoint("POST", "/api/v1/statuses/{status_id}/unfavourite", scope="write:favourites")
async def unfavourite(ctx: Context, caller: Caller, status_id: int) -> JSON:
    """Take a favourite back (Mastodon API: statuses#unfavourite), and emoji reactions with it:
    clients that know none show them as this favourite."""
    status = await shown_status(ctx, status_id, caller.account_id)
    reactions = await ctx.db.fetch(REACTIONS_BY, caller.account_id, [status.id])
    await undo_reactions(ctx, caller, status, reactions)
    given = await ctx.db.one(FAVOURITE_OF, caller.account_id, status.id)
    if given is not None:
        actor, author = await acting_account(ctx, caller), await author_of(ctx, status)
        undone = Like(actor=actor, uri=given.uri, status=status, author=author)
        await perform(ctx, Undo(actor=actor, uri=new_activity_uri(ctx), undone=undone))
    return await entities.status(ctx, status.id, caller.account_id)


class BoostParams(Params, frozen=True, kw_only=True):
    """Who shall see the boost."""

    visibility: str | None = None


@endpoint("POST", "/api/v1/statuses/{status_id}/reblog", scope="write:statuses")
async def reblog(ctx: Context, caller: Caller, status_id: int, params: BoostParams) -> JSON:
    """Boost a status; the answer is the boost (Mastodon API: statuses#boost)."""
    status = await shown_status(ctx, status_id, caller.account_id)
    actor = await acting_account(ctx, caller)
    _check_boostable(status, actor)
    boost = await ctx.db.one(REBLOG_BY_ACCOUNT, status.id, actor.id)
    if boost is None:
        visibility = await _boost_visibility(ctx, actor, status, params.visibility)
        boost = await _boost(ctx, actor, status, visibility)
    return await entities.status(ctx, boost.id, caller.account_id)


def _check_boostable(status: StatusRow, actor: AccountRow) -> None:
    own_private = status.visibility == "private" and status.account_id == actor.id
    if status.visibility not in ("public", "unlisted") and not own_private:
        raise Forbidden("This action is not allowed")


async def _boost_visibility(
    ctx: Context, actor: AccountRow, status: StatusRow, wanted: str | None
) -> str:
    """A boost is never seen by more people than what it shows."""
    if wanted and wanted not in _BOOST_VISIBILITIES:
        raise Invalid("Validation failed: Visibility is not included in the list")
    if status.visibility == "private":
        return "private"
    return wanted or (await posting_defaults(ctx, actor)).default_visibility


async def _boost(ctx: Context, actor: AccountRow, status: StatusRow, visibility: str) -> StatusRow:
    boost_id = ctx.ids.new()
    act = Announce(
        actor=actor,
        uri=Uris(ctx.config.base_url).status_activity(actor.username, boost_id),
        id=boost_id,
        status=status,
        author=await author_of(ctx, status),
        visibility=visibility,
        created_at=ctx.clock.now(),
    )
    await perform(ctx, act)
    # A parallel request may have been quicker; either way there is one boost now.
    boost = await ctx.db.one(REBLOG_BY_ACCOUNT, status.id, actor.id)
    if boost is None:
        raise NotFound("Record not found")
    return boost


@endpoint("POST", "/api/v1/statuses/{status_id}/unreblog", scope="write:statuses")
async def unreblog(ctx: Context, caller: Caller, status_id: int) -> JSON:
    """Take a boost back; the answer is what it showed (Mastodon API: statuses#unreblog)."""
    status = await shown_status(ctx, status_id, caller.account_id)
    boost = await ctx.db.one(REBLOG_BY_ACCOUNT, status.id, caller.account_id)
    if boost is not None:
        actor = await acting_account(ctx, caller)
        undone = announce_of(boost, actor, status, await author_of(ctx, status))
        await perform(ctx, Undo(actor=actor, uri=new_activity_uri(ctx), undone=undone))
    return await entities.status(ctx, status.id, caller.account_id)


@endpoint("POST", "/api/v1/statuses/{status_id}/bookmark", scope="write:bookmarks")
async def bookmark(ctx: Context, caller: Caller, status_id: int) -> JSON:
    """Keep a status for later, unknown to its author (Mastodon API: statuses#bookmark)."""
    status = await shown_status(ctx, status_id, caller.account_id)
    await perform(ctx, Bookmark(actor=await acting_account(ctx, caller), status=status))
    return await entities.status(ctx, status.id, caller.account_id)


@endpoint("POST", "/api/v1/statuses/{status_id}/unbookmark", scope="write:bookmarks")
async def unbookmark(ctx: Context, caller: Caller, status_id: int) -> JSON:
    """Let go of a bookmark (Mastodon API: statuses#unbookmark)."""
    status = await shown_status(ctx, status_id, caller.account_id)
    actor = await acting_account(ctx, caller)
    await perform(ctx, Undo(actor=actor, undone=Bookmark(actor=actor, status=status)))
    return await entities.status(ctx, status.id, caller.account_id)


@endpoint("POST", "/api/v1/statuses/{status_id}/pin", scope="write:accounts")
async def pin(ctx: Context, caller: Caller, status_id: int) -> JSON:
    """Show an own status first on the profile (Mastodon API: statuses#pin). 422 for another's."""
    status = await visible_status(ctx, status_id, caller.account_id)
    if status.account_id != caller.account_id:
        raise Invalid("Validation failed: Someone else's post cannot be pinned")
    actor = await acting_account(ctx, caller)
    await perform(ctx, Pin(actor=actor, uri=new_activity_uri(ctx), status=status))
    return await entities.status(ctx, status.id, caller.account_id)


@endpoint("POST", "/api/v1/statuses/{status_id}/unpin", scope="write:accounts")
async def unpin(ctx: Context, caller: Caller, status_id: int) -> JSON:
    """Take an own status from the top of the profile (Mastodon API: statuses#unpin); another's is
    not there, so nothing is to be done."""
    status = await visible_status(ctx, status_id, caller.account_id)
    if status.account_id == caller.account_id:
        actor = await acting_account(ctx, caller)
        await perform(ctx, Unpin(actor=actor, uri=new_activity_uri(ctx), status=status))
    return await entities.status(ctx, status.id, caller.account_id)
