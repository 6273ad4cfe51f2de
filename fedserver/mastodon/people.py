"""Lists of people: who follows, who is followed, who favourited and boosted."""

from fedserver.context import Context
from fedserver.entities import accounts_of
from fedserver.mastodon.account_reads import shown_account
from fedserver.mastodon.status_reads import visible_status
from fedserver.mastodon.timelines import viewer_of
from fedserver.routing import Caller, Page, PageParams, endpoint
from storage.account_reads import (
    FAVOURITED_BY,
    FOLLOWERS,
    FOLLOWING,
    REBLOGGED_BY,
    AccountHeadRow,
)
from storage.paging import Cursor, Paged, PageEdges, edges, fetch_page

_LIMITS = {"default": 40, "most": 80}


@endpoint("GET", "/api/v1/accounts/{id}/followers", scope="read:accounts")
async def followers(ctx: Context, caller: Caller | None, id: int, params: PageParams) -> Page:
    """Show who follows an account, unless it hides that.

    Mastodon API: accounts#followers.
    """
    return await _relations(ctx, FOLLOWERS, id, viewer_of(caller), params)


@endpoint("GET", "/api/v1/accounts/{id}/following", scope="read:accounts")
async def following(ctx: Context, caller: Caller | None, id: int, params: PageParams) -> Page:
    """Show whom an account follows, unless it hides that.

    Mastodon API: accounts#following.
    """
    return await _relations(ctx, FOLLOWING, id, viewer_of(caller), params)


async def _relations(
    ctx: Context,
    query: Paged[AccountHeadRow],
    account_id: int,
    viewer: int | None,
    params: PageParams,
) -> Page:
    row = await shown_account(ctx, account_id)
    if row.gone or (row.hide_collections and viewer != account_id):
        return Page([], PageEdges(None, None))
    return await _page(ctx, query, params.cursor(**_LIMITS), viewer, account_id)


@endpoint("GET", "/api/v1/statuses/{id}/favourited_by", scope="read:accounts")
async def favourited_by(ctx: Context, caller: Caller | None, id: int, params: PageParams) -> Page:
    """Show who favourited a status.

    Mastodon API: statuses#favourited_by.
    """
    viewer = viewer_of(caller)
    await visible_status(ctx, id, viewer)
    return await _page(ctx, FAVOURITED_BY, params.cursor(**_LIMITS), viewer, id)


@endpoint("GET", "/api/v1/statuses/{id}/reblogged_by", scope="read:accounts")
async def reblogged_by(ctx: Context, caller: Caller | None, id: int, params: PageParams) -> Page:
    """Show who boosted a status in public.

    Mastodon API: statuses#reblogged_by.
    """
    viewer = viewer_of(caller)
    await visible_status(ctx, id, viewer)
    return await _page(ctx, REBLOGGED_BY, params.cursor(**_LIMITS), viewer, id)


async def _page(
    ctx: Context,
    query: Paged[AccountHeadRow],
    cursor: Cursor,
    viewer: int | None,
    owner_id: int,
) -> Page:
    rows = await fetch_page(ctx.db, query, cursor, viewer, owner_id)
    return Page(await accounts_of(ctx, rows, viewer), edges(rows, cursor, lambda row: row.cursor))
