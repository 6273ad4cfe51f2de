"""What the caller bookmarked (Mastodon API: bookmarks). Paged by ids that only Link shows."""

from fedserver.context import Context
from fedserver.mastodon.timelines import status_page
from fedserver.routing import Caller, Page, PageParams, endpoint
from storage.paging import fetch_page
from storage.timelines import BOOKMARKED_STATUSES


@endpoint("GET", "/api/v1/bookmarks", scope="read:bookmarks")
async def bookmarks(ctx: Context, caller: Caller, params: PageParams) -> Page:
    """Show the caller's bookmarked statuses, the last bookmarked first.

    Mastodon API: bookmarks#get.
    """
    cursor = params.cursor()
    rows = await fetch_page(ctx.db, BOOKMARKED_STATUSES, cursor, caller.account_id)
    return await status_page(ctx, rows, cursor, caller.account_id)
