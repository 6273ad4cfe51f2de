"""What is being fetched meanwhile, for clients that wait (Mastodon API: async_refreshes)."""

from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.routing import JSON, Caller, endpoint
from storage.threads import THREAD_REFRESH

RETRY_S = 5


@endpoint("GET", "/api/v1_alpha/async_refreshes/{thread_id}", scope="read")
async def show_refresh(ctx: Context, caller: Caller, thread_id: int) -> JSON:
    """Show how far completing a thread is, by the id that the header Mastodon-Async-Refresh of its
    context gave (Mastodon API: async_refreshes#show)."""
    row = await ctx.db.one(THREAD_REFRESH, thread_id)
    if row is None:
        raise NotFound("Record not found")
    return {
        "async_refresh": {
            "id": str(thread_id),
            "status": "running" if row.running else "finished",
            "result_count": row.brought,
        }
    }


async def refresh_header(ctx: Context, thread_id: int) -> dict[str, str]:
    """Give the header of a context whose thread is being completed; none for others."""
    row = await ctx.db.one(THREAD_REFRESH, thread_id)
    if row is None or not row.running:
        return {}
    value = f'id="{thread_id}", retry={RETRY_S}, result_count={row.brought}'
    return {"Mastodon-Async-Refresh": value}
