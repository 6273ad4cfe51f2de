"""What the caller favourited (Mastodon API: favourites). Paged by ids that only Link shows."""

from fedserver.context import Context
from fedserver.mastodon.timelines import status_page
from fedserver.routing import Caller, Page, PageParams, endpoint
from storage.paging import fetch_page
from storage.timelines import FAVOURITED_STATUSES


@endpoint("GET", "/api/v1/favourites", scope="read:favourites")
async def favourites(ctx: Context, caller: Caller, params: PageParams) -> Page:
    """Show the caller's favourites, the last favourited first.

    Mastodon API: favourites#get.
    """
    cursor = params.cursor()
    rows = await fetch_page(ctx.db, FAVOURITED_STATUSES, cursor, caller.account_id)
    return await status_page(ctx, rows, cursor, caller.account_id)
