"""Timelines (Mastodon API: timelines)."""

import msgspec

from fedserver.context import Context
from fedserver.entities import statuses_of
from fedserver.routing import Caller, Page, PageParams, endpoint
from fedserver.services import home as home_timeline
from storage.paging import Cursor, Paged, edges, fetch_page
from storage.status_reads import HeadRow
from storage.timelines import HOME, HOME_IS_BUILT, PUBLIC, PUBLIC_LOCAL, PUBLIC_REMOTE, TAG

_MAX_TAGS = 4


def viewer_of(caller: Caller | None) -> int | None:
    """Give the account id that decides what may be seen, None for nobody in particular."""
    return None if caller is None else caller.account_id


async def status_page(
    ctx: Context, rows: list[HeadRow], cursor: Cursor, viewer: int | None
) -> Page:
    """Give a page of Statuses with its edges."""
    return Page(await statuses_of(ctx, rows, viewer), edges(rows, cursor, lambda row: row.cursor))


@endpoint("GET", "/api/v1/timelines/home", scope="read:statuses")
async def home(ctx: Context, caller: Caller, params: PageParams) -> Page:
    """Show the posts of whom the caller follows.

    Mastodon API: timelines#home.
    """
    cursor = params.cursor()
    rows = await fetch_page(ctx.db, HOME, cursor, caller.account_id)
    if not rows and not await ctx.db.value(HOME_IS_BUILT, caller.account_id):
        await home_timeline.rebuild(ctx, caller.account_id)
        rows = await fetch_page(ctx.db, HOME, cursor, caller.account_id)
    return await status_page(ctx, rows, cursor, caller.account_id)


class PublicParams(PageParams, frozen=True, kw_only=True):
    """Which posts of the public timeline."""

    local: bool = False
    remote: bool = False
    only_media: bool = False


@endpoint("GET", "/api/v1/timelines/public", scope="read:statuses")
async def public(ctx: Context, caller: Caller | None, params: PublicParams) -> Page:
    """Show public posts, replies and boosts left out.

    Mastodon API: timelines#public.
    """
    cursor, viewer = params.cursor(), viewer_of(caller)
    query = _public_query(params.local, params.remote)
    rows = await fetch_page(ctx.db, query, cursor, viewer, params.only_media)
    return await status_page(ctx, rows, cursor, viewer)


def _public_query(local: bool, remote: bool) -> Paged[HeadRow]:
    if local == remote:
        return PUBLIC
    return PUBLIC_LOCAL if local else PUBLIC_REMOTE


class TagParams(PageParams, frozen=True, kw_only=True):
    """Which posts of a hashtag."""

    any: list[str] = msgspec.field(default_factory=list)
    all: list[str] = msgspec.field(default_factory=list)
    none: list[str] = msgspec.field(default_factory=list)
    local: bool = False
    remote: bool = False
    only_media: bool = False


@endpoint("GET", "/api/v1/timelines/tag/{hashtag}", scope="read:statuses")
async def tag(ctx: Context, caller: Caller | None, hashtag: str, params: TagParams) -> Page:
    """Show public posts with a hashtag, and optionally any, all or none of others.

    Mastodon API: timelines#tag.
    """
    cursor, viewer = params.cursor(), viewer_of(caller)
    rows = await fetch_page(
        ctx.db,
        TAG,
        cursor,
        viewer,
        tag_names([hashtag, *params.any[:_MAX_TAGS]]),
        tag_names(params.all[:_MAX_TAGS]),
        tag_names(params.none[:_MAX_TAGS]),
        params.only_media,
        None if params.local == params.remote else params.local,
    )
    return await status_page(ctx, rows, cursor, viewer)


def tag_names(written: list[str]) -> list[str]:
    """Give the names of hashtags as they are kept, each once."""
    names = (one.strip().lstrip("#").lower() for one in written)
    return list(dict.fromkeys(name for name in names if name))
