"""Following, blocking, muting, and letting others follow (Mastodon API: accounts, follow_requests,
blocks, mutes). Every answer is the Relationship afterwards."""

from datetime import datetime, timedelta

import orjson

from fedserver import entities
from fedserver.context import Context
from fedserver.effects import Block, Follow, Mute, Undo, accept, reject
from fedserver.errors import Forbidden, Invalid, NotFound
from fedserver.mastodon.composing import is_language
from fedserver.mastodon.subjects import acting_account, new_activity_uri, perform, target_account
from fedserver.routing import JSON, Caller, Page, PageParams, Params, endpoint
from storage.account_reads import AccountHeadRow
from storage.accounts import AccountRow
from storage.paging import edges, fetch_page
from storage.profiles import (
    BLOCKED_ACCOUNTS,
    DELETE_NOTE,
    FOLLOW_REQUESTS,
    MUTED_ACCOUNTS,
    SAVE_NOTE,
)
from storage.relations import BLOCK_BETWEEN, FOLLOW_BETWEEN, FollowRow

_MAX_LANGUAGES = 50
_LONGEST_MUTE_S = 100 * 366 * 86_400
_MAX_NOTE_CHARS = 2_000
_LISTED = 40
_LISTED_MOST = 80


async def _relationship(ctx: Context, caller: Caller, account_id: int) -> JSON:
    return await entities.relationship(ctx, caller.account_id, account_id)


class FollowParams(Params, frozen=True, kw_only=True):
    """How to follow; what is left out stays as it is."""

    reblogs: bool | None = None
    notify: bool | None = None
    languages: list[str] | None = None


@endpoint("POST", "/api/v1/accounts/{account_id}/follow", scope="write:follows")
async def follow(ctx: Context, caller: Caller, account_id: int, params: FollowParams) -> JSON:
    """Follow, ask to, or change how one follows (Mastodon API: accounts#follow)."""
    target = await target_account(ctx, account_id)
    actor = await acting_account(ctx, caller)
    if actor.id == target.id or target.moved_to_id is not None:
        raise Forbidden("This action is not allowed")
    before = await ctx.db.one(FOLLOW_BETWEEN, actor.id, target.id)
    await perform(ctx, _follow(ctx, actor, target, params, before))
    return await _relationship(ctx, caller, target.id)


def _follow(
    ctx: Context,
    actor: AccountRow,
    target: AccountRow,
    params: FollowParams,
    before: FollowRow | None,
) -> Follow:
    show_reblogs = before.show_reblogs if before else True
    notify = before.notify if before else False
    languages = (before.languages if before else None) or []
    return Follow(
        actor=actor,
        uri=new_activity_uri(ctx),
        target=target,
        show_reblogs=show_reblogs if params.reblogs is None else params.reblogs,
        notify=notify if params.notify is None else params.notify,
        languages=tuple(languages) if params.languages is None else _languages(params.languages),
    )


def _languages(given: list[str]) -> tuple[str, ...]:
    named = tuple(dict.fromkeys(one for one in given if one))
    if len(named) > _MAX_LANGUAGES or not all(is_language(one) for one in named):
        raise Invalid("Validation failed: Languages is invalid")
    return named


@endpoint("POST", "/api/v1/accounts/{account_id}/unfollow", scope="write:follows")
async def unfollow(ctx: Context, caller: Caller, account_id: int) -> JSON:
    """Stop following, or withdraw the request (Mastodon API: accounts#unfollow)."""
    target = await target_account(ctx, account_id)
    before = await ctx.db.one(FOLLOW_BETWEEN, caller.account_id, target.id)
    if before is not None:
        actor = await acting_account(ctx, caller)
        undone = Follow(actor=actor, uri=before.uri, target=target)
        await perform(ctx, Undo(actor=actor, uri=new_activity_uri(ctx), undone=undone))
    return await _relationship(ctx, caller, target.id)


@endpoint("POST", "/api/v1/accounts/{account_id}/remove_from_followers", scope="write:follows")
async def remove_from_followers(ctx: Context, caller: Caller, account_id: int) -> JSON:
    """End somebody's following of the caller (Mastodon API: accounts#remove_from_followers)."""
    follower = await target_account(ctx, account_id)
    before = await ctx.db.one(FOLLOW_BETWEEN, follower.id, caller.account_id)
    if before is not None and before.accepted_at is not None:
        actor = await acting_account(ctx, caller)
        await perform(ctx, reject(ctx, actor, follower, before.uri))
    return await _relationship(ctx, caller, follower.id)


@endpoint("POST", "/api/v1/accounts/{account_id}/block", scope="write:blocks")
async def block(ctx: Context, caller: Caller, account_id: int) -> JSON:
    """Block: both stop following, neither sees the other (Mastodon API: accounts#block)."""
    target = await target_account(ctx, account_id)
    actor = await acting_account(ctx, caller)
    await perform(ctx, Block(actor=actor, uri=new_activity_uri(ctx), target=target))
    return await _relationship(ctx, caller, target.id)


@endpoint("POST", "/api/v1/accounts/{account_id}/unblock", scope="write:blocks")
async def unblock(ctx: Context, caller: Caller, account_id: int) -> JSON:
    """End a block (Mastodon API: accounts#unblock). Follows do not come back by it."""
    target = await target_account(ctx, account_id)
    before = await ctx.db.one(BLOCK_BETWEEN, caller.account_id, target.id)
    if before is not None:
        actor = await acting_account(ctx, caller)
        undone = Block(actor=actor, uri=before.uri, target=target)
        await perform(ctx, Undo(actor=actor, uri=new_activity_uri(ctx), undone=undone))
    return await _relationship(ctx, caller, target.id)


class MuteParams(Params, frozen=True, kw_only=True):
    """`notifications`: hide those too. `duration` in seconds, 0 for ever."""

    notifications: bool = True
    duration: int = 0


@endpoint("POST", "/api/v1/accounts/{account_id}/mute", scope="write:mutes")
async def mute(ctx: Context, caller: Caller, account_id: int, params: MuteParams) -> JSON:
    """Hide somebody's posts from the caller alone (Mastodon API: accounts#mute)."""
    target = await target_account(ctx, account_id)
    duration_s = min(params.duration, _LONGEST_MUTE_S)
    ends_at = ctx.clock.now() + timedelta(seconds=duration_s) if duration_s > 0 else None
    act = Mute(
        actor=await acting_account(ctx, caller),
        target=target,
        hide_notifications=params.notifications,
        expires_at=ends_at,
    )
    await perform(ctx, act)
    return await _relationship(ctx, caller, target.id)


@endpoint("POST", "/api/v1/accounts/{account_id}/unmute", scope="write:mutes")
async def unmute(ctx: Context, caller: Caller, account_id: int) -> JSON:
    """End a mute (Mastodon API: accounts#unmute)."""
    target = await target_account(ctx, account_id)
    actor = await acting_account(ctx, caller)
    await perform(ctx, Undo(actor=actor, undone=Mute(actor=actor, target=target)))
    return await _relationship(ctx, caller, target.id)


class NoteParams(Params, frozen=True, kw_only=True):
    """The note; blank takes it away."""

    comment: str = ""


@endpoint("POST", "/api/v1/accounts/{account_id}/note", scope="write:accounts")
async def note(ctx: Context, caller: Caller, account_id: int, params: NoteParams) -> JSON:
    """Keep a note that nobody else sees (Mastodon API: accounts#note)."""
    target = await target_account(ctx, account_id)
    comment = params.comment.strip()
    if len(comment) > _MAX_NOTE_CHARS:
        raise Invalid(
            f"Validation failed: Comment is too long (maximum is {_MAX_NOTE_CHARS} characters)"
        )
    if comment:
        await ctx.db.execute(SAVE_NOTE, caller.account_id, target.id, comment)
    else:
        await ctx.db.execute(DELETE_NOTE, caller.account_id, target.id)
    return await _relationship(ctx, caller, target.id)


@endpoint("GET", "/api/v1/follow_requests", scope="read:follows")
async def follow_requests(ctx: Context, caller: Caller, params: PageParams) -> Page:
    """Show who asks to follow the caller (Mastodon API: follow_requests#get)."""
    cursor = params.cursor(default=_LISTED, most=_LISTED_MOST)
    rows = await fetch_page(ctx.db, FOLLOW_REQUESTS, cursor, caller.account_id)
    accounts = await entities.accounts_of(ctx, rows, caller.account_id)
    return Page(accounts, edges(rows, cursor, lambda row: row.cursor))


@endpoint("POST", "/api/v1/follow_requests/{account_id}/authorize", scope="write:follows")
async def authorize_follow(ctx: Context, caller: Caller, account_id: int) -> JSON:
    """Let somebody follow (Mastodon API: follow_requests#accept)."""
    follower, request = await _request(ctx, caller, account_id)
    actor = await acting_account(ctx, caller)
    await perform(ctx, accept(ctx, actor, follower, request.uri))
    return await _relationship(ctx, caller, follower.id)


@endpoint("POST", "/api/v1/follow_requests/{account_id}/reject", scope="write:follows")
async def reject_follow(ctx: Context, caller: Caller, account_id: int) -> JSON:
    """Do not let somebody follow (Mastodon API: follow_requests#reject)."""
    follower, request = await _request(ctx, caller, account_id)
    actor = await acting_account(ctx, caller)
    await perform(ctx, reject(ctx, actor, follower, request.uri))
    return await _relationship(ctx, caller, follower.id)


async def _request(ctx: Context, caller: Caller, account_id: int) -> tuple[AccountRow, FollowRow]:
    follower = await target_account(ctx, account_id)
    request = await ctx.db.one(FOLLOW_BETWEEN, follower.id, caller.account_id)
    if request is None or request.accepted_at is not None:
        raise NotFound("Record not found")
    return follower, request


@endpoint("GET", "/api/v1/blocks", scope="read:blocks")
async def blocks(ctx: Context, caller: Caller, params: PageParams) -> Page:
    """Show whom the caller blocks (Mastodon API: blocks#get)."""
    cursor = params.cursor(default=_LISTED, most=_LISTED_MOST)
    rows = await fetch_page(ctx.db, BLOCKED_ACCOUNTS, cursor, caller.account_id)
    accounts = await entities.accounts_of(ctx, rows, caller.account_id)
    return Page(accounts, edges(rows, cursor, lambda row: row.cursor))


@endpoint("GET", "/api/v1/mutes", scope="read:mutes")
async def mutes(ctx: Context, caller: Caller, params: PageParams) -> Page:
    """Show whom the caller mutes, and until when (Mastodon API: mutes#get, MutedAccount)."""
    cursor = params.cursor(default=_LISTED, most=_LISTED_MOST)
    now = ctx.clock.now()
    rows = await fetch_page(ctx.db, MUTED_ACCOUNTS, cursor, caller.account_id, now)
    heads = [AccountHeadRow(row.cursor, row.id, row.version) for row in rows]
    ends = {str(row.id): row.expires_at for row in rows}
    shown = [
        orjson.loads(orjson.dumps(one))
        for one in await entities.accounts_of(ctx, heads, caller.account_id)
    ]
    accounts = [one | {"mute_expires_at": _time(ends[one["id"]])} for one in shown]
    return Page(accounts, edges(rows, cursor, lambda row: row.cursor))


def _time(moment: datetime | None) -> str | None:
    return entities.timestamp(moment) if moment else None
