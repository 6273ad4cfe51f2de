"""Whom people recommend on their profiles (Mastodon API: accounts#endorse, endorsements)."""

from fedserver import entities
from fedserver.context import Context
from fedserver.errors import Invalid
from fedserver.mastodon.subjects import target_account
from fedserver.mastodon.timelines import viewer_of
from fedserver.routing import JSON, Caller, Page, PageParams, endpoint
from storage.endorsements import ENDORSE, ENDORSED_BY, UNENDORSE
from storage.paging import edges, fetch_page

_LISTED = 40
_LISTED_MOST = 80
_ALL = 1_000


@endpoint("POST", "/api/v1/accounts/{account_id}/endorse", scope="write:accounts")
@endpoint("POST", "/api/v1/accounts/{account_id}/pin", scope="write:accounts")
async def endorse(ctx: Context, caller: Caller, account_id: int) -> JSON:
    """Recommend whom one follows (Mastodon API: accounts#endorse). 422 for others."""
    target = await target_account(ctx, account_id)
    now = ctx.clock.now()
    done = await ctx.db.execute(ENDORSE, ctx.ids.new(), caller.account_id, target.id, now)
    shown = await entities.relationship(ctx, caller.account_id, target.id)
    if not done and not shown["endorsed"]:
        raise Invalid(
            "Validation failed: You must be already following the person you want to endorse"
        )
    return shown


@endpoint("POST", "/api/v1/accounts/{account_id}/unendorse", scope="write:accounts")
@endpoint("POST", "/api/v1/accounts/{account_id}/unpin", scope="write:accounts")
async def unendorse(ctx: Context, caller: Caller, account_id: int) -> JSON:
    """Do not recommend somebody any more (Mastodon API: accounts#unendorse)."""
    target = await target_account(ctx, account_id)
    await ctx.db.execute(UNENDORSE, caller.account_id, target.id)
    return await entities.relationship(ctx, caller.account_id, target.id)


@endpoint("GET", "/api/v1/endorsements", scope="read:accounts")
async def own(ctx: Context, caller: Caller, params: PageParams) -> Page:
    """Show whom the caller recommends, with `limit` 0 all of them (Mastodon API:
    endorsements#get)."""
    return await _page(ctx, caller.account_id, caller.account_id, params)


@endpoint("GET", "/api/v1/accounts/{account_id}/endorsements", scope="read:accounts")
async def of_account(
    ctx: Context, caller: Caller | None, account_id: int, params: PageParams
) -> Page:
    """Show whom somebody recommends (Mastodon API: accounts#endorsements)."""
    owner = await target_account(ctx, account_id)
    return await _page(ctx, owner.id, viewer_of(caller), params)


async def _page(ctx: Context, owner_id: int, viewer: int | None, params: PageParams) -> Page:
    whole = params.limit == 0 and owner_id == viewer
    cursor = params.cursor(default=_LISTED, most=_LISTED_MOST)
    if whole:
        cursor = type(cursor)(_ALL)
    rows = await fetch_page(ctx.db, ENDORSED_BY, cursor, viewer, owner_id)
    accounts = await entities.accounts_of(ctx, rows, viewer)
    return Page(accounts, edges(rows, cursor, lambda row: row.cursor))
